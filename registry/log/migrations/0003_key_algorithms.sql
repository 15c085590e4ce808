-- Signing keys of P-256 and P-384 beside Ed25519. Yesterday's code names no algorithm and so writes Ed25519, as before;
-- of another algorithm's key it finds that the public key does not belong to it, and signs nothing with it.

ALTER TABLE vault.signing_keys
    ADD COLUMN algorithm text NOT NULL DEFAULT 'Ed25519'                         -- a name that JOSE gives a curve
        CONSTRAINT signing_keys_algorithm_check CHECK (algorithm IN ('Ed25519', 'P-256', 'P-384')),
    DROP CONSTRAINT signing_keys_public_key_check,
    ADD CONSTRAINT signing_keys_public_key_check CHECK (
        octet_length(public_key) = CASE algorithm WHEN 'Ed25519' THEN 32 WHEN 'P-256' THEN 33 WHEN 'P-384' THEN 49 END
    );                                                                           -- compressed points (SEC 1, 2.3.3)
