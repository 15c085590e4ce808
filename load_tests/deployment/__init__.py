"""Load on people's own deployments that also checks what it is told: `python -m load_tests.deployment --url …`."""
