"""Windows beside a reference: effects, tests, quality, and the alarm over many windows."""
