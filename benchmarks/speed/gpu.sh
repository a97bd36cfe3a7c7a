#!/usr/bin/env bash
# All that needs a CUDA GPU, in under nine minutes and without a network: the tests for one, the
# table of speed targets, and a fight. Each part writes its result under OUT as it ends, and a
# later one starts even if an earlier failed.
#
#   elsewhere:  mae-bench prepare first_fight --scale gpu10 --home HOME
#   here:       WHEELS=FOLDER OUT=FOLDER bash benchmarks/speed/gpu.sh HOME
#
# HOME is the prepared home, or a .tar of it (also .gz, .xz, .zst); the study goes on there. WHEELS
# holds what the machine lacks beside Python 3.12, torch and transformers, as
# `pip download --only-binary=:all: --python-version 3.12 -d FOLDER .[test]` fetches it.
#
# OUT (./gpu-results) gets tests.txt, targets.json and targets.md, fight.json, first_fight_gpu/ (rows,
# figures, README.md), the same packed as first_fight_gpu.tar.gz, and summary.txt. The exit code is 0
# only if every part succeeded: every test, every target, every stage of the fight.
#
# Also read: PYTHON (python3), STUDY and SCALE (first_fight, gpu10; SCALE= for a study as written), DEVICE (cuda),
# WORKERS (8), TARGETS (names of lines; all that need a card), COMMIT where there is no git, and when
# each part must have ended, in seconds from the start: TESTS_END (150), TARGETS_END (310), END (520).
set -u
cd "$(dirname "$0")/../.." || exit 2
start=$SECONDS
if [ $# -ne 1 ] || [ ! -e "$1" ]; then
    echo "usage: bash benchmarks/speed/gpu.sh HOME, a home that was prepared or a .tar of one" >&2
    exit 2
fi
home=$(realpath "$1")
OUT=$(realpath -m "${OUT:-gpu-results}")
DEVICE=${DEVICE:-cuda} STUDY=${STUDY:-first_fight} SCALE=${SCALE-gpu10} WORKERS=${WORKERS:-8}
scale=(${SCALE:+--scale "$SCALE"})
python=${PYTHON:-python3}
scratch=$(mktemp -d) is_fine=0
mkdir -p "$OUT"
: > "$OUT/summary.txt"

export OMP_NUM_THREADS=1 PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}
unset MAE_BENCH_DATA MAE_BENCH_HOME
if [ -n "${WHEELS:-}" ]; then
    "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
        --target "$scratch/site" "$WHEELS"/*.whl || exit 2
    export PYTHONPATH=$PWD:$scratch/site:$PYTHONPATH
fi
case $home in *.tar | *.tar.*)
    mkdir "$scratch/unpacked" && tar -xf "$home" -C "$scratch/unpacked" || exit 2
    home=$(dirname "$(find "$scratch/unpacked" -maxdepth 3 -type d -name artefacts | head -1)")
    ;;
esac

left() { # until a number of seconds after the start, at least one
    local seconds=$(($1 - SECONDS + start))
    echo $((seconds > 1 ? seconds : 1))
}
ended() { # a part, with its exit code
    [ "$2" = 0 ] || is_fine=1
    echo "$1: exit code $2 after $((SECONDS - start)) s" | tee -a "$OUT/summary.txt"
}

# 1. tests
spread=()
"$python" -c "import xdist" 2> /dev/null && spread=(-n "${TEST_PROCESSES:-6}")
timeout -s INT -k 10 "$(left "${TESTS_END:-150}")" \
    "$python" -m pytest -q -m gpu -p no:cacheprovider "${spread[@]}" tests > "$OUT/tests.txt" 2>&1
ended tests $?
tail -3 "$OUT/tests.txt"

# 2. the speed table
"$python" benchmarks/speed/targets.py --device "$DEVICE" --out "$OUT" ${TARGETS:+--only $TARGETS} \
    --budget "$(left "${TARGETS_END:-310}")" > "$OUT/targets.txt" 2>&1
ended targets $?
cat "$OUT/targets.md"

# 3. the fight; several workers share a card best through CUDA's multi-process service
if [ "$DEVICE" = cuda ]; then
    export CUDA_MPS_PIPE_DIRECTORY=$scratch/mps CUDA_MPS_LOG_DIRECTORY=$scratch/mps-log
    mkdir "$scratch/mps" "$scratch/mps-log"
    if ! { timeout 20 nvidia-cuda-mps-control -d &&
        timeout 40 "$python" -c "import torch; torch.ones(9, device='cuda').sum().item()"; }; then
        echo quit | timeout 10 nvidia-cuda-mps-control
        unset CUDA_MPS_PIPE_DIRECTORY CUDA_MPS_LOG_DIRECTORY
    fi
fi
timeout -s INT -k 20 "$(left "${END:-520}")" \
    "$python" benchmarks/speed/whole_study.py "$STUDY" "${scale[@]}" --home "$home" \
    --device "$DEVICE" --workers "$WORKERS" --json "$OUT/fight.json" > "$OUT/fight.txt" 2>&1
ended fight $?
if [ -n "${CUDA_MPS_PIPE_DIRECTORY:-}" ]; then
    echo quit | timeout 10 nvidia-cuda-mps-control
fi
if [ "$STUDY" = first_fight ] && [ -e "$OUT/fight.json" ]; then
    "$python" benchmarks/speed/targets.py --device "$DEVICE" --out "$OUT" --home "$home" \
        --take "first-fight-$SCALE" "$OUT/fight.json" > /dev/null
    ended "minutes of the fight" $?
fi
report=$OUT/first_fight_gpu
timeout 120 "$python" -m mae_bench report "$STUDY" "${scale[@]}" --home "$home" -o "$report" \
    > "$OUT/report.txt" 2>&1
ended report $?
if [ -d "$report" ]; then
    {
        echo "# $STUDY on a GPU"
        echo
        echo "Made by \`benchmarks/speed/gpu.sh\`, with these exit codes:"
        echo
        sed 's/^/    /' "$OUT/summary.txt"
        echo
        echo '```'
        "$python" benchmarks/speed/measuring.py
        tail -1 "$OUT/fight.txt"
        echo '```'
    } > "$report/README.md"
    tar -czf "$OUT/first_fight_gpu.tar.gz" -C "$OUT" first_fight_gpu
fi
rm -rf "$scratch"
exit $is_fine
