# What only run-tests needs: where test VMs live, running meson's tests, machines that outlive the tests, and the sum. Read with "."
# after common.sh.

results=
machines_before=

# lock_tests: two runs in one build folder would disturb each other.
lock_tests ()
{
  exec 9>"$root/.run-tests.lock"
  flock --nonblock 9 && return 0
  note "waiting for another ./run-tests in this folder"
  flock 9
}

begin_results ()
{
  results=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$results'" EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# wants_suite SUITE: whether it is among the suites asked for (none: all).
wants_suite ()
{
  case " ${suites:-$1} " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

# common_suites LIST: those of LIST that were asked for.
common_suites ()
{
  for suite in $1; do
    if wants_suite "$suite"; then printf '%s ' "$suite"; fi
  done
}

# choose_test_state: the folder of the tests' own images, templates and machines, kept between runs: $TCW_TEST_STATE, with its
# configuration in $TCW_TEST_CONFIG. In the build folder where the worker's user can get there and socket paths stay short enough.
choose_test_state ()
{
  step "folder of the test machines"
  TCW_TEST_STATE=${TCW_TEST_STATE:-$build/test-state}
  if [ ${#TCW_TEST_STATE} -gt 48 ] || ! worker_can_reach "$build"; then
    TCW_TEST_STATE=/var/tmp/taskcluster-worker-test-$(id -u)
  fi
  mkdir -p "$TCW_TEST_STATE" || fail "cannot make $TCW_TEST_STATE" "set TCW_TEST_STATE to a folder that you can write to"
  # In a place where everybody can make files, somebody else may have been first.
  if [ -L "$TCW_TEST_STATE" ] || [ "$(stat -c %u "$TCW_TEST_STATE")" != "$(id -u)" ]; then
    fail "$TCW_TEST_STATE is not ours" "remove it, or set TCW_TEST_STATE to a folder of your own"
  fi
  TCW_TEST_CONFIG=$TCW_TEST_STATE/config.yml
  printf '# Written by run-tests.\nstateDirectory: %s/state\n' "$TCW_TEST_STATE" >"$TCW_TEST_CONFIG"
  mkdir -p "$TCW_TEST_STATE/state"
  if is_root; then
    chown "$worker_user:" "$TCW_TEST_STATE/state"
  fi
  export TCW_TEST_STATE TCW_TEST_CONFIG
  note "$TCW_TEST_STATE"
}

# test_build FOLDER NAME SUITES [ARGUMENT...]: runs the tests and keeps what they said for the sum.
test_build ()
{
  folder=$1
  name=$2
  wanted=$3
  shift 3
  for suite in $wanted; do
    set -- --suite "$suite" "$@"
  done
  multiplier=1
  [ "$name" = plain ] || multiplier=4
  step "tests in ${folder#"$root"/}${wanted:+ (suites: $wanted)}"
  status=0
  # meson would put these words into the next run's log too, so that each run has its own.
  meson test -C "$folder" --no-rebuild --print-errorlogs --logbase "results-$name" --timeout-multiplier "$multiplier" "$@" >&2 || status=$?
  printf '%s\n' "$status" >"$results/$name.status"
  for kind in json junit.xml; do
    [ ! -f "$folder/meson-logs/results-$name.$kind" ] || mv "$folder/meson-logs/results-$name.$kind" "$results/$name.$kind"
  done
}

# machines: ids of the QEMU processes of this computer, one a line.
machines ()
{
  for process in /proc/[0-9]*; do
    case $(cat "$process/comm" 2>/dev/null) in
    qemu-system-*) printf '%s\n' "${process#/proc/}" ;;
    esac
  done
}

remember_machines ()
{
  machines_before=$(machines)
}

# new_machines: those that were not there before the tests.
new_machines ()
{
  for machine in $(machines); do
    case "
$machines_before
" in
    *"
$machine
"*) ;;
    *) printf '%s\n' "$machine" ;;
    esac
  done
}

# is_ours MACHINE: whether its command line names a folder of these tests.
is_ours ()
{
  tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -q -F -e "$root/" -e "${TCW_TEST_STATE:-$root/}" -e /tcw-test-
}

# check_machines: no machine may outlive the tests. Where nobody else works (CI=true), every new one counts.
check_machines ()
{
  step "machines left behind"
  : >"$results/machines"
  tries=0
  while [ -n "$(new_machines)" ] && [ "$tries" -lt 30 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
  for machine in $(new_machines); do
    if [ "${CI:-}" = true ] || is_ours "$machine"; then
      tr '\0' ' ' <"/proc/$machine/cmdline" 2>/dev/null | cut -c 1-300 | sed "s/^/process $machine: /" >>"$results/machines" || :
    fi
  done
}

# print_results: the list of what failed or was skipped, then the sum as the last line. The script's exit status.
print_results ()
{
  python3 "$root/scripts/sum-results.py" "$results"
}
