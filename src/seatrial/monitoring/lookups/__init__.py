"""Features that a server looks up: how fresh they are, and how many are not there."""
