# What quickstart and run-tests share: steps with names, packages, the worker's user, the build, the image. Read with "."; needs
# $root, the folder of the project, and $build, the folder of the build.

worker_user=taskcluster-worker
worker_home=/var/lib/taskcluster-worker
program=$build/src/taskcluster-worker
current_step=start

# step TEXT: begins a step; the name stands in what fail() says.
step ()
{
  current_step=$1
  printf '== %s\n' "$1" >&2
}

note ()
{
  printf '   %s\n' "$1" >&2
}

# fail WHY WHAT-TO-DO: ends the script.
fail ()
{
  printf '\n%s: the step "%s" failed: %s\nWhat to do: %s\n' "${0##*/}" "$current_step" "$1" "$2" >&2
  exit 1
}

is_root ()
{
  [ "$(id -u)" -eq 0 ]
}

# packages_for PURPOSE...: names of the packages, one a line.
packages_for ()
{
  for purpose; do
    sed -n "s/^\([a-z0-9][^ #]*\)  *$purpose\$/\1/p" "$root/scripts/packages.txt"
  done
}

# missing_packages PURPOSE...: those that are not installed, in one look at dpkg's database.
missing_packages ()
{
  wanted=$(packages_for "$@")
  # Packages that dpkg has never heard of make it complain and fail; they are missing like the others.
  # shellcheck disable=SC2086,SC2016
  installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p')
  for package in $wanted; do
    case "
$installed
" in
    *"
$package
"*) ;;
    *) printf '%s\n' "$package" ;;
    esac
  done
}

# has_package_lists: whether apt knows what it could install.
has_package_lists ()
{
  for list in /var/lib/apt/lists/*Packages*; do
    [ -e "$list" ] && return 0
  done
  return 1
}

update_package_lists ()
{
  apt-get -q update >&2 || fail "apt-get update ended with an error, shown above" \
    "check the network and the files in /etc/apt, then run ./${0##*/} again"
}

# ensure_packages PURPOSE...: installs what is missing. Services need not start: there may be nothing that starts them.
ensure_packages ()
{
  step "packages"
  command -v dpkg-query >/dev/null || fail "this is not a Debian system" \
    "install what scripts/packages.txt lists by your own system's means, then run meson and ninja as README.md says"
  missing=$(missing_packages "$@" | paste -s -d ' ' -)
  if [ -n "$missing" ]; then
    is_root || fail "some packages are not installed" "run as root: apt-get install --no-install-recommends $missing"
    note "installing: $missing"
    update_package_lists
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing >&2 \
      || fail "apt-get could not install them; its messages are above" "correct what it says, then run ./${0##*/} again"
  fi
  # Images are made of packages too.
  if is_root && ! has_package_lists; then
    update_package_lists
  fi
}

# ensure_user: the worker that is started as root becomes this user before it does anything.
ensure_user ()
{
  is_root || return 0
  step "user $worker_user"
  if ! getent passwd "$worker_user" >/dev/null; then
    note "making the system user $worker_user"
    useradd --system --user-group --home-dir "$worker_home" --create-home --shell /usr/sbin/nologin "$worker_user" \
      || fail "useradd could not make the user" "make a system user $worker_user with the home $worker_home"
  fi
  if getent group kvm >/dev/null && ! id -nG "$worker_user" | grep -qw kvm; then
    usermod --append --groups kvm "$worker_user" || fail "the user did not get into the group kvm" "run: usermod -aG kvm $worker_user"
  fi
}

# is_debian_12: warnings are errors only where we know what the compiler says.
is_debian_12 ()
{
  grep -qs '^VERSION_ID="12"' /etc/os-release
}

# Names of what build_tree compiles; empty: everything, with the tests.
build_targets=

# build_tree FOLDER [MESON-OPTION...]: configures once, or again when other options are asked for; compiles what has changed.
build_tree ()
{
  folder=$1
  shift
  if is_debian_12; then
    set -- -Dwerror=true "$@"
  fi
  step "build in ${folder#"$root"/}"
  if [ ! -f "$folder/build.ninja" ]; then
    meson setup "$folder" "$root" "$@" >&2 \
      || fail "meson could not configure the build; its messages are above" "correct what it says, or remove $folder, and try again"
    printf '%s\n' "$*" >"$folder/configured-with"
  elif [ "$*" != "$(cat "$folder/configured-with" 2>/dev/null)" ]; then
    meson configure "$folder" "$@" >&2 || fail "meson could not change the build's options" "remove $folder and try again"
    printf '%s\n' "$*" >"$folder/configured-with"
  fi
  # Quiet when there is nothing to do. Standard output belongs to the caller.
  # shellcheck disable=SC2086
  ninja -C "$folder" --quiet $build_targets >&2 || fail "the program does not compile; the messages are above" "correct it; it was built in $folder"
}

# image_digest NAME: of all that this image is made from in this tree.
image_digest ()
{
  {
    find "$root/images/$1" "$root/images/lib" "$root/images/build.sh" "$root/guest-agent/tcw-guest-agent.service" \
      "$build/guest-agent/tcw-guest-agent" -type f -print0 | sort -z | xargs -0 cat
  } | sha256sum | cut -d ' ' -f 1
}

# ensure_image NAME STAMP [OPTION...]: has the image NAME in the worker's store, made from what is in this tree now. STAMP is a file
# that remembers from what it was made; OPTIONs go to the verb image.
ensure_image ()
{
  image=$1
  stamp=$2
  shift 2
  step "image $image"
  digest=$(image_digest "$image")
  if [ "$digest" = "$(cat "$stamp" 2>/dev/null)" ] && "$program" image info "$@" "$image" >/dev/null 2>&1; then
    return 0
  fi
  "$program" image build "$@" "$image" >&2 || fail "the image could not be built; the messages are above" \
    "correct what it says; see also \"Troubleshooting\" in README.md"
  printf '%s\n' "$digest" >"$stamp"
}

# worker_can_reach FOLDER: whether the user that the worker becomes can get into it.
worker_can_reach ()
{
  is_root || return 0
  setpriv --reuid "$worker_user" --regid "$worker_user" --init-groups test -x "$1"
}
