"""Operators' keys are handed out and ended where the service runs."""

from __future__ import annotations

import re

from tests.cli.deployments import Deployment
from tests.cli.processes import ask, refused


def test_an_operator_s_key_is_made_listed_and_ended(deployment: Deployment) -> None:
    made = deployment.run("operator-keys", "make", "Ada").stdout
    [key] = re.findall(r"reg_live_\S+", made)
    key_id = key.split("_")[2]
    assert re.search(rf"{key_id} +live +Ada", deployment.run("operator-keys", "list").stdout)
    body = {"slug": "school", "name": "School", "kind": "school", "jurisdiction": "US-CO", "did": "key"}
    with deployment.running("serve") as serving:
        serving.until_it_says("serving on")
        assert ask("POST", f"{deployment.url}/issuers", key=key, body=body).status == 201
    assert key_id in deployment.run("operator-keys", "revoke", key_id).stdout
    assert re.search(rf"{key_id} +ended +Ada", deployment.run("operator-keys", "list").stdout)
    with deployment.running("serve") as serving:
        serving.until_it_says("serving on")
        assert ask("POST", f"{deployment.url}/issuers", key=key, body=body | {"slug": "other"}).status == 401


def test_an_operator_s_key_that_is_none_is_refused_in_a_sentence(deployment: Deployment) -> None:
    assert "No API key has this id" in refused(deployment.run("operator-keys", "revoke", "nothing"))
    assert "There is no log 'other' here" in refused(deployment.run("operator-keys", "list", "--log", "other"))
