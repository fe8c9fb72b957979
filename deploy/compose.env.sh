#!/bin/sh
# Prints new secrets for compose.yaml: sh deploy/compose.env.sh > deploy/.env, once.
set -eu
umask 077
cat <<SECRETS
POSTGRES_PASSWORD=$(openssl rand -hex 24)
SEAL_KEY=$(openssl rand -base64 32)
S3_ACCESS_KEY=GK$(openssl rand -hex 12)
S3_SECRET_KEY=$(openssl rand -hex 32)
S3_RPC_SECRET=$(openssl rand -hex 32)
SECRETS
