"""Events out to other systems and in from them, over a broker: facts published, requests taken."""
