# Runs a program of gm on many ranks, passes signals on, and starts the ranks again after a failure. The launchers and
# cluster/train.sbatch source it after common.sh.
# shellcheck shell=bash

longest_pause=300      # seconds before a restart
failures_at_a_step=3   # final

# Sets `program` to the path of the program that the arguments name, gm_train if none, and `arguments` to the others. The
# program is in the build folder, in bin/ of an installation, or on the PATH.
choose_program() {
  local name=gm_train
  case ${1:-} in
    gm_data | gm_report) status=2 die "$1 runs in one process: call it without a launcher" ;;
    gm_*) name=$1; shift ;;
  esac
  arguments=("$@")
  # shellcheck disable=SC2154  # `repository` is set by the script
  for program in "$repository"/{build/release,../..}/bin/"$name" "$(command -v "$name")"; do
    [ ! -x "$program" ] || return 0
  done
  status=2 die "$name is neither built nor on the PATH"
}

# mpirun ends ranks that must not save: after a failure. By default it waits two seconds for them.
export OMPI_MCA_odls_base_sigkill_timeout=0

# ---- One world ----------------------------------------------------------------------------------------------------
world=       # process id of mpirun or srun
stopped_by=  # the signal that asked this script to stop
interrupts=0

# shellcheck disable=SC2317  # called by the traps
stop() {
  stopped_by=$1
  [ "$1" != INT ] || interrupts=$((interrupts + 1))
  if [ "$interrupts" -gt 1 ] && [ -n "$world" ]; then
    kill -KILL -- "-$world" 2>/dev/null || true
  else
    [ -z "$world" ] || kill -USR1 "$world" 2>/dev/null || true
    say "SIG$1: the ranks save and exit at the end of their step." 2>/dev/null || true  # the terminal may be gone
  fi
}

# mpirun forwards SIGTSTP and SIGCONT to its ranks.
# shellcheck disable=SC2317
suspend() {
  [ -z "$world" ] || kill -TSTP "$world" 2>/dev/null || true
  kill -STOP $$
  [ -z "$world" ] || kill -CONT "$world" 2>/dev/null || true
}

pass_signals_on() {
  local signal
  for signal in INT TERM HUP USR1 USR2 XCPU; do
    # shellcheck disable=SC2064
    trap "stop $signal" $signal
  done
  trap suspend TSTP
}

# Waits until a process has ended. A trapped signal ends `wait` early.
wait_for() {
  while kill -0 "$1" 2>/dev/null; do
    wait "$1" || true
  done
  wait "$1"  # returns the stored exit status
}

# run_world LAUNCHER...: mpirun or srun with its options, and the program. Sets `status`.
# The launcher runs in a separate session, so that Ctrl-C at the terminal does not reach it: mpirun would give its ranks
# only one second between SIGTERM and SIGKILL. It forwards SIGUSR1 without a deadline.
run_world() {
  status=0
  setsid "$@" "$program" "${arguments[@]}" &
  world=$!
  [ -z "$stopped_by" ] || kill -USR1 "$world" 2>/dev/null || true
  wait_for "$world" || status=$?
  world=
}

# ---- Restarts -----------------------------------------------------------------------------------------------------
# The newest step in the metrics of a run; 0 if there is none.
newest_step() {
  local line
  line=$({ tac "$1/metrics.jsonl" 2>/dev/null || true; } | grep -m 1 -o '"kind":"train","step":[0-9]*') || line=:0
  say "${line##*:}"
}

# Waits, unless it is asked to stop.
pause() {
  sleep "$1" &
  wait $! || kill $! 2>/dev/null || true
}

# check_number OPTION VALUE
check_number() {
  [[ $2 =~ ^[0-9]{1,6}$ ]] || status=2 die "$1 $2: give a number"
}

# The directory of the run that the arguments describe.
run_directory() {
  [ "${program##*/}" = gm_train ] || status=2 die "--restarts is for gm_train: no other program continues where it failed"
  "$program" "${arguments[@]}" --print run.dir
}

# Decides after a failure at `step` of a world. Sets `seconds`, the pause before the next world. Pauses become longer
# while no world gets further than those before it. Fails if there is no use in another world.
plan_restart() {
  failures=$((step == last_step ? failures + 1 : 1))
  if [ "$failures" = "$failures_at_a_step" ]; then
    say "${0##*/}: $failures failures at step $step: not started again. The messages above say why." >&2
    return 1
  fi
  seconds=$((step > furthest ? 0 : seconds == 0 ? 5 : seconds < longest_pause / 2 ? 2 * seconds : longest_pause))
  last_step=$step
  furthest=$((step > furthest ? step : furthest))
}

# A status above 128 is that of a signal. A rank that is killed cannot say so itself.
tell_status() {
  local signal reason=
  if [ "$status" -gt 128 ] && [ -z "$stopped_by" ]; then
    signal=$(kill -l "$status")
    reason=": a rank was ended by SIG$signal"
    [ "$signal" != KILL ] || reason+=", as when the memory is used up"
  fi
  say "${0##*/}: the ranks ended with status $status$reason" >&2
}

# After a failure. launch/hosts replaces both, and cluster/train.sbatch the second.
explain_failure() { :; }
wait_for_machines() { :; }

# supervise RESTARTS LAUNCHER...: runs a world, and again after a failure, RESTARTS times at most. Sets `status`. The exit
# statuses 0 (done), 75 (stopped on request) and 2 (wrong input) are final.
supervise() {
  local restarts=$1 restart run step last_step furthest failures=0 seconds=0
  shift
  pass_signals_on
  if [ "$restarts" -gt 0 ]; then
    run=$(run_directory) || exit
    last_step=$(newest_step "$run")
    furthest=$last_step
    export GM_RESTARTS
  fi
  for ((restart = 0; ; ++restart)); do
    if [ -n "$stopped_by" ]; then status=75; return; fi
    GM_RESTARTS=$((${SLURM_RESTART_COUNT:-0} + restart))
    run_world "$@"
    case $status in 0 | 2 | 75) return ;; esac
    tell_status
    explain_failure
    [ "$restart" -lt "$restarts" ] && [ -z "$stopped_by" ] || return 0
    step=$(newest_step "$run")
    plan_restart || return 0
    say "${0##*/}: restart $((restart + 1)) of $restarts after step $step, from the newest checkpoint, in $seconds seconds." >&2
    pause "$seconds"
    wait_for_machines
  done
}
