"""What the page looks like: one calm column, a chat that scrolls inside it, the question always in view.

Everything comes from this machine: the reader's own fonts, no style sheet of another host. The class names in
the CSS are those of Gradio 6's chatbot.
"""

from __future__ import annotations

from gradio.themes import Base, Default, Font

_SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> Base:
    """Gradio's Default with quiet colours and the reader's own fonts."""
    return Default(
        primary_hue="indigo",
        neutral_hue="slate",
        font=[Font(name) for name in _SANS],
        font_mono=[Font(name) for name in _MONO],
    )


CSS = """
.gradio-container .main {
  padding: 0.75rem 1rem;
}

.gradio-container .contain > .column {
  gap: 0.5rem;
  margin: 0 auto;
  max-width: 880px;
  width: 100%;
}

/* ---- header: name, model, and one quiet line of facts */
#header {
  min-height: 0;
  padding-right: 2.5rem; /* the settings' handle lies there on a phone */
}

#header h1 {
  align-items: center;
  display: flex;
  font-size: 1.15rem;
  font-weight: 650;
  gap: 0.6rem;
  margin: 0;
}

#header h1 span {
  background: var(--primary-100);
  border-radius: 999px;
  color: var(--primary-800);
  font-size: 0.8rem;
  font-weight: 550;
  max-width: 50vw;
  overflow: hidden;
  padding: 0.15rem 0.7rem;
  text-overflow: ellipsis;
  white-space: nowrap;
}

.dark #header h1 span {
  background: var(--primary-900);
  color: var(--primary-100);
}

#header p {
  color: var(--body-text-color-subdued);
  font-size: 0.78rem;
  margin: 0.1rem 0 0;
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}

/* ---- chat */
#chat {
  background: transparent;
  border-width: 0 !important;
  height: calc(100dvh - 9rem) !important;
  min-height: 12rem;
}

#chat .bubble-wrap {
  background: transparent;
}

#chat .message.thought {
  margin-top: 0.15rem;
}

/* the line under an answer; it opens into details */
#chat .thought-group {
  background: transparent;
  border: none;
  box-shadow: none;
  margin: 0;
  padding: 0;
}

#chat .thought-group .title {
  opacity: 0.75;
  padding: 0;
}

#chat .thought-group .title p,
#chat .thought-group .md {
  font-size: 0.78rem;
  line-height: 1.4;
}

/* ---- examples of the empty chat */
#chat .placeholder-content {
  justify-content: center;
}

#chat .placeholder {
  flex-grow: 0;
  height: auto;
}

#chat .examples {
  grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr));
  margin: 0 auto;
  max-width: 720px;
}

#chat .example {
  background: var(--background-fill-primary);
  border: 1px solid var(--border-color-primary);
  border-radius: var(--radius-lg);
  min-height: 0;
  padding: 0.8rem 1rem;
}

#chat .example:hover {
  border-color: var(--primary-400);
}

/* ---- question */
#question textarea {
  border: none;
}

@media (max-width: 640px) {
  .gradio-container .main {
    padding: 0.5rem;
  }

  #chat {
    height: calc(100dvh - 8.8rem) !important;
  }

  #chat .examples {
    grid-template-columns: 1fr 1fr;
  }
}
"""
