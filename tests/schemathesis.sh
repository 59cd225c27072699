#!/usr/bin/env bash
# Asks a running server what its OpenAPI documents say that may be asked, and much
# that they say may not, and holds every answer to them. Seeded and bounded.
# Needs: python3 with venv, curl. AOBO names the binary; without it, cargo builds one.
set -euo pipefail
cd "$(dirname "$0")/.."

SCHEMATHESIS=4.32.5
VALIDATOR=0.9.0
SEED=20200901
EXAMPLES=${AOBO_SCHEMATHESIS_EXAMPLES:-25}
SECONDS_MAX=${AOBO_SCHEMATHESIS_SECONDS:-120}

if [ -z "${AOBO:-}" ]; then
  cargo build --quiet
  AOBO=${CARGO_TARGET_DIR:-target}/debug/aobo
fi
AOBO=$(realpath "$AOBO")
TMP=$(mktemp -d)
SERVER=
finish() {
  if [ -n "$SERVER" ]; then
    kill "$SERVER" 2>/dev/null || true
    wait "$SERVER" 2>/dev/null || true
  fi
  rm -rf "$TMP"
}
trap finish EXIT

VENV=$(realpath -m "${AOBO_SCHEMATHESIS_VENV:-$TMP/venv}")
if [ ! -x "$VENV/bin/st" ]; then
  python3 -m venv "$VENV"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check \
    "schemathesis==$SCHEMATHESIS" "openapi-spec-validator==$VALIDATOR"
fi

# Each document is one of OpenAPI 3.1 to the letter of its meta-schema.
for listener in decisions admin; do
  "$AOBO" openapi "$listener" >"$TMP/$listener.json"
  "$VENV/bin/openapi-spec-validator" --schema 3.1 "$TMP/$listener.json"
done

serve() {
  "$AOBO" serve --data "$TMP/data" --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 "$@" \
    2>"$TMP/server.log" &
  SERVER=$!
  for _ in $(seq 600); do
    grep -q '^listening on' "$TMP/server.log" && grep -q '^administered on' "$TMP/server.log" && return
    kill -0 "$SERVER" 2>/dev/null || break
    sleep 0.1
  done
  cat "$TMP/server.log" >&2
  exit 1
}

# The first key is made while the server is down, in a log that has its world.
serve --world tests/corpus/worlds/fabrikam.json
kill "$SERVER"
wait "$SERVER"
KEY=$("$AOBO" keys create --data "$TMP/data" --role operator --role admin-write \
  --role admin-read --role decide --role search --role metrics)
serve
PDP=$(sed -n 's/^listening on \(http:[^ ]*[0-9]\):.*/\1/p' "$TMP/server.log")
ADMIN=$(sed -n 's/^administered on //p' "$TMP/server.log")

# positive_data_acceptance: whether a name that fits its schema is one of something
# is for the server to say, with a 400 that explains itself. negative_data_rejection:
# headers and members that nobody declared are ignored, as HTTP and AuthZEN want it.
# A revision that is yet to come is a 503, as the document says.
cat >"$TMP/schemathesis.toml" <<'CONFIG'
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "503"]
CONFIG
run() (
  # It keeps what it found where it runs.
  cd "$TMP"
  "$VENV/bin/st" run "$TMP/$1.json" --url "$2" -H "Authorization: Bearer $KEY" \
    --seed "$SEED" --max-examples "$EXAMPLES" --max-time "$SECONDS_MAX" --workers 1 \
    --phases examples,coverage,fuzzing \
    --exclude-checks positive_data_acceptance,negative_data_rejection \
    --suppress-health-check all --no-color --warnings off
)
failed=0
run decisions "$PDP" || failed=1
run admin "$ADMIN" || failed=1

# It is still there, and well.
curl --silent --show-error --fail "$PDP/readyz" >/dev/null
if grep -E 'panicked|the handler failed' "$TMP/server.log"; then
  failed=1
fi
exit $failed
