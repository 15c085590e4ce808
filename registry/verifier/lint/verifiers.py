"""The verifiers whose rules are known, by the names that people know them by, with where their code says it."""

from __future__ import annotations

from typing import Final

EVERY: Final = "any verifier that keeps to the specification"
WALLETS: Final = "Learner Credential Wallet and VerifierPlus (digitalcredentials/verifier-core)"
DATA_MODEL_LIBRARY: Final = "verifiers built on digitalbazaar/vc, the common wallets among them"
STATUS_LIBRARY: Final = "verifiers built on digitalbazaar/vc-bitstring-status-list, the common wallets among them"
JSON_LD: Final = "every verifier of an -rdfc- proof, which sees only what the contexts define"
BADGE_VALIDATOR: Final = "the public validator of 1EdTech, and displayers that check as it does"

VC_INDEX: Final = "digitalbazaar/vc, lib/index.js"
VC_PURPOSE: Final = "digitalbazaar/vc, lib/CredentialIssuancePurpose.js"
STATUS_INDEX: Final = "digitalbazaar/vc-bitstring-status-list, lib/index.js"
STATUS_BITS: Final = "digitalbazaar/vc-bitstring-status-list, lib/BitstringStatusList.js"
CORE_STATUS: Final = "digitalcredentials/verifier-core, src/suites/status/bitstring-status-check.ts"
CORE_FIRST: Final = "digitalcredentials/verifier-core, src/credentialStatus.ts"
CORE_PROOF: Final = "digitalcredentials/verifier-core, src/services/data-integrity-crypto.ts"
CORE_REGISTRY: Final = "digitalcredentials/verifier-core, src/suites/registry/issuer-registry-check.ts"
LOADER: Final = "digitalcredentials/security-document-loader, src/parseResponse.ts"
VALIDATOR_LIST: Final = "1EdTech/digital-credentials-public-validator, RevocationListProbe.java"
