#!/bin/sh
# compose-roles.sh - run by the postgres container in an empty cluster: who migrates, who serves.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -v owner="$(cat /run/secrets/postgres_password)" -v app="$(cat /run/secrets/app_password)" <<'SQL'
CREATE ROLE bureau LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE bureau_app LOGIN NOINHERIT PASSWORD :'app';
CREATE DATABASE bureau OWNER bureau;
\c bureau
ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
SQL
