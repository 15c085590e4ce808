"""What is wrong with a body is said by its place in the JSON, in words for people."""

from __future__ import annotations

import json

import pytest

from registry.errors import Malformed
from registry.http.bodies import IssuerChangesBody, MessageBody, RegistrationBody, StatusBody, read
from registry.http.list_bodies import OwnListBody
from registry.http.verify_bodies import VerifyCredentialBody, VerifyPresentationBody

ENTRY = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}


@pytest.mark.parametrize(
    ("model", "body", "faults"),
    [
        (VerifyCredentialBody, {}, {"/verifiableCredential": "This member is required."}),
        (VerifyCredentialBody, {"verifiableCredential": 5}, {
            "/verifiableCredential": "Write an object; or: Write a string."}),
        (VerifyCredentialBody, {"verifiableCredential": {}, "option": {}}, {
            "/option": "This member is not known here; do you mean `options`?"}),
        (VerifyCredentialBody, {"verifiableCredential": {}, "options": {"checks": "proof"}}, {
            "/options/checks": "Write an array."}),
        (OwnListBody, {"statusPurpose": "token"}, {
            "/statusPurpose": "Write 'revocation', 'suspension', 'refresh' or 'message'."}),
        (OwnListBody, {"statusPurpose": "revocation", "options": {"bits": 2}}, {
            "/options/bits": "This member is not known here; known are statusSize, statusMessages, statusReference."}),
        (IssuerChangesBody, {"mechanisms": []}, {"/mechanisms": "Name at least 1."}),
        (IssuerChangesBody, {"mechanisms": ["es256"]}, {
            "/mechanisms/0": "Write 'eddsa-rdfc-2022', 'eddsa-jcs-2022', 'ecdsa-rdfc-2019', 'ecdsa-jcs-2019', 'vc+jwt' "
            "or 'vc+cose'."}),
        (RegistrationBody, {"type": ["A", 5]}, {"/type/1": "Write a string."}),
        (MessageBody, {"status": "1"}, {
            "/status": "A value is a string in hexadecimal, without leading zeros: 0x0, 0x1, … 0xff."}),
        (StatusBody, {"credentialId": "urn:x:1", "credentialStatus": ENTRY, "status": 5}, {
            "/status": "Write true or false; or: Write a string."}),
    ],
)  # fmt: skip
def test_each_fault_is_told_by_its_place(model, body, faults):
    with pytest.raises(Malformed) as refused:
        read(model, json.dumps(body).encode())
    assert {one["pointer"]: one["detail"] for one in refused.value.extra["errors"]} == faults


@pytest.mark.parametrize(
    ("model", "member", "media_type"),
    [
        (VerifyCredentialBody, "verifiableCredential", "application/vc"),
        (VerifyPresentationBody, "verifiablePresentation", "application/vp"),
        (RegistrationBody, "credential", "application/vc"),
    ],
)
def test_a_document_in_the_place_of_its_body_is_told_where_it_belongs(model, member, media_type):
    document = {"@context": ["https://www.w3.org/ns/credentials/v2"]}
    with pytest.raises(Malformed) as refused:
        read(model, json.dumps(document).encode())
    assert (f'"{member}"' in refused.value.detail, media_type in refused.value.detail) == (True, True)


def test_an_empty_body_is_called_empty():
    with pytest.raises(Malformed, match="is empty"):
        read(VerifyCredentialBody, b" ")
