"""An application of Ray Serve that speaks no protocol of ours."""

from ray import serve


@serve.deployment(ray_actor_options={"num_cpus": 0})
class Odd:
    def __call__(self, _request):
        return "what?"


app = Odd.bind()
