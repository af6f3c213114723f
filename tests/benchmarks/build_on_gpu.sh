#!/bin/sh
# Everything of a test set that wants a GPU, each step timed: speed, lite with the probe, hidden, full.
#   DEVICE=cuda OUT=out VERSION=1.0 sh tests/benchmarks/build_on_gpu.sh
# FEW=1 DEVICE=cpu CLIPS=2 tries it with one source clip a split. Needs warp-lang, av, opencv, pydantic, torch, open_clip.
# In OUT: lite.tar.00 ... (15 MiB each; cat and untar them), hidden.json and full.json (what was kept), build.log.
set -eu
DEVICE=${DEVICE:-cuda} OUT=${OUT:-out} VERSION=${VERSION:-1.0} PYTHON=${PYTHON:-python}
FEW=${FEW:-} CLIPS=${CLIPS:-512} WORK=${WORK:-${TMPDIR:-/tmp}/shopedit-build}
few=${FEW:+--groups $FEW}
mkdir -p "$OUT" "$WORK"
step() {
    name=$1
    shift
    start=$(date +%s)
    "$@" >"$OUT/$name.json" 2>>"$OUT/build.log"
    echo "$name: $(($(date +%s) - start)) s"
}
$PYTHON tests/benchmarks/render_rate.py --device "$DEVICE" --clips "$CLIPS"
step lite $PYTHON -m testset build --split dev --split test $few --device "$DEVICE" --probe --version "$VERSION" --out "$WORK/lite"
tar -C "$WORK" -cf - lite | split -b 15m -d - "$OUT/lite.tar."
[ -n "${SHOPEDIT_HIDDEN_SEED:-}" ] || {
    SHOPEDIT_HIDDEN_SEED=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    export SHOPEDIT_HIDDEN_SEED
}
step hidden $PYTHON -m testset build --split hidden $few --device "$DEVICE" --probe --version "$VERSION" --out "$WORK/hidden"
step full $PYTHON -m testset build --split dev --split test $few --rendition full --like "$WORK/lite" --device "$DEVICE" \
    --version "$VERSION" --out "$WORK/full"
du -sh "$WORK/lite" "$WORK/hidden" "$WORK/full"
