"""An index under its name: searched, asked, and followed to its newest version."""
