#!/bin/sh
# Makes the repository's OpenPGP keys in /keys: the right one, an expired subkey of it, and somebody else's.
set -eu
export GNUPGHOME=/tmp/gpg
mkdir -p -m 700 $GNUPGHOME /keys

make_key() { gpg -q --batch --pinentry-mode loopback --passphrase '' --faked-system-time 20240101T000000 --quick-gen-key "$1" ed25519 cert,sign never; }
fingerprints() { gpg --list-keys --with-colons "$1" | sed -n 's/^fpr:::::::::\([0-9A-F]*\):/\1/p'; }

make_key "Mesa packages (stand-in) <packages@example.invalid>"
fingerprints packages@example.invalid | head -1 | tr -d '\n' > /keys/fingerprint
gpg -q --batch --pinentry-mode loopback --passphrase '' --faked-system-time 20240102T000000 --quick-add-key "$(cat /keys/fingerprint)" ed25519 sign 1y
fingerprints packages@example.invalid | tail -1 | tr -d '\n' > /keys/expired
make_key "Somebody else <else@example.invalid>"
fingerprints else@example.invalid | head -1 | tr -d '\n' > /keys/wrong
gpg --armor --export "$(cat /keys/fingerprint)" > /keys/key.asc
gpg -q --batch --pinentry-mode loopback --passphrase '' --armor --export-secret-keys > /keys/secret.asc
tar -cf /out.tar -C /keys .
