"""A gateway over a scripted server, for embedders that are hosted."""

from seatrial.wiring.gateway import open_gateway

CONFIG = """
gateway:
  providers:
    llm: {{kind: openai, base_url: "{url}"}}
  models:
    small: {{kind: embedding, candidates: [{{provider: llm, model: text-embedding-3-small}}]}}
"""


def gateway_opener(url, home):
    def opened():
        config = home / "seatrial.yaml"
        config.write_text(CONFIG.format(url=url))
        return open_gateway(home=home / "home", config=config, environment={})

    return opened
