"""MemScheduler: what should happen to memories, and why. Planning is pure; running is durable."""
