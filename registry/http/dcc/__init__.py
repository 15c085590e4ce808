"""The status service of the Digital Credentials Consortium, spoken for one issuer on a port of its own."""
