"""/metrics: vLLM's names, and numbers that come from what the engine did."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

HI = {"messages": [{"role": "user", "content": "hi there"}]}


def scrape(client) -> dict[str, dict[tuple[str, ...], float]]:
    """Sample name → label values without the model's name and the bucket → value."""
    samples: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            assert sample.labels["model_name"] == "fake-model"
            labels = tuple(value for name, value in sample.labels.items() if name != "model_name")
            samples.setdefault(sample.name, {})[labels] = sample.value
    return samples


def test_counters_carry_vllms_names(client):
    samples = scrape(client)
    assert samples["vllm:spec_decode_num_drafts_total"] == {(): 8}
    assert samples["vllm:spec_decode_num_draft_tokens_total"] == {(): 30}
    assert samples["vllm:spec_decode_num_accepted_tokens_total"] == {(): 9}
    assert samples["vllm:spec_decode_num_accepted_tokens_per_pos_total"] == {("0",): 6, ("1",): 3}
    assert samples["vllm:prompt_tokens_total"] == {(): 10}
    assert samples["vllm:prefix_cache_queries_total"] == {(): 12}
    assert samples["vllm:prefix_cache_hits_total"] == {(): 4}
    assert samples["vllm:num_preemptions_total"] == {(): 2}
    assert samples["vllm:generation_tokens_total"] == {(): 20}
    assert samples["vllm:kv_cache_usage_perc"] == {(): 0.25}
    assert samples["vllm:num_requests_running"] == {(): 0}
    assert samples["vllm:num_requests_waiting"] == {(): 0}


def test_histograms_follow_finished_requests(client):
    names = ("time_to_first_token_seconds", "e2e_request_latency_seconds", "inter_token_latency_seconds")
    before = scrape(client)
    assert all(before[f"vllm:{name}_count"] == {(): 0} for name in names)
    client.post("/v1/chat/completions", json=HI)
    client.get("/health")
    after = scrape(client)
    assert after["vllm:time_to_first_token_seconds_count"] == {(): 1}
    assert after["vllm:time_to_first_token_seconds_sum"] == {(): 0.02}
    assert after["vllm:e2e_request_latency_seconds_sum"] == {(): 0.1}
    assert after["vllm:request_generation_tokens_sum"] == {(): 5}
    assert after["vllm:request_prompt_tokens_sum"] == {(): 2}
    assert after["vllm:request_success_total"][("stop",)] == 1


def test_inter_token_latency_counts_the_gaps_between_steps(client):
    client.post("/v1/chat/completions", json=HI)
    samples = scrape(client)
    assert samples["vllm:inter_token_latency_seconds_count"] == {(): 4}  # five tokens, a step each
    assert samples["vllm:iteration_tokens_total_count"] == {(): 5}


def test_aborted_requests_leave_latencies_alone(fake, client):
    fake.hold()
    stream = fake.submit(fake.make_request(prompt="x", temperature=0.0))
    stream.close()
    assert scrape(client)["vllm:e2e_request_latency_seconds_count"] == {(): 0}
    assert scrape(client)["vllm:request_success_total"][("abort",)] == 1


def test_every_application_counts_for_itself(fake, client):
    from flexserve_apps.http import create_app

    other = create_app(fake, page=False)
    assert other.state.metrics.registry is not client.app.state.metrics.registry
