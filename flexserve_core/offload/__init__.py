"""Models larger than memory: a plan of what lives where, a store on disk, a streamer that brings weights in time."""
