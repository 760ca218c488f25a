# What every step of a build uses: progress, failures that name the step, and the recipe's files.

current_step=start

# step TEXT: begins a step; TEXT is shown and named in a failure.
step ()
{
  current_step=$1
  printf '== %s\n' "$1" >&2
}

# die WHY [WHAT-TO-DO]: ends the build. The message goes to $TCW_WORK/failure, from where it becomes the command's own error.
die ()
{
  {
    printf 'step "%s": %s\n' "$current_step" "$1"
    [ $# -eq 1 ] || printf 'what to do: %s\n' "$2"
  } >>"${TCW_WORK:-.}/failure"
  exit 3
}

# For the EXIT trap: what ended without die() is named too.
report_exit ()
{
  status=$?
  if [ "$status" -ne 0 ] && [ "$status" -ne 3 ]; then
    printf 'step "%s": ended with exit status %s; its messages are above\n' "$current_step" "$status" >>"$TCW_WORK/failure"
  fi
}

require_variables ()
{
  for variable; do
    eval "value=\${$variable:-}"
    [ -n "$value" ] || die "$variable is not set" "run this by: taskcluster-worker image build"
  done
}

# require_commands NAME...: each must be there; otherwise says which Debian package has it.
require_commands ()
{
  for command; do
    command -v "$command" >/dev/null && continue
    case $command in
    qemu-img) package=qemu-utils ;;
    mke2fs) package=e2fsprogs ;;
    apt-get | apt-cache) package=apt ;;
    dpkg-deb) package=dpkg ;;
    *) package=$command ;;
    esac
    die "the program $command is missing" "apt-get install $package"
  done
}

# download PACKAGE...: fetches the packages' files into $TCW_WORK/debs, by the host's own package sources.
download ()
{
  mkdir -p "$TCW_WORK/debs"
  # The folder is private, so that apt cannot step down to its own user in it: fetched as the user who builds.
  (cd "$TCW_WORK/debs" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$@" >&2) \
    || die "could not download $*" "check the network and run: apt-get update"
}

# unpack PACKAGE FOLDER: unpacks a downloaded package; nothing is installed on the host.
unpack ()
{
  mkdir -p "$2"
  for deb in "$TCW_WORK/debs/$1"_*.deb; do
    dpkg-deb -x "$deb" "$2" || die "could not unpack $deb"
  done
}

# recipe_list FILE: the lines of FILE of all folders of the recipe, base first, without comments.
recipe_list ()
{
  printf '%s\n' "$TCW_CHAIN" | while IFS= read -r folder; do
    if [ -f "$folder/$1" ]; then
      sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$folder/$1"
    fi
  done
}

# apply_overlays ROOT: the rootfs folders of the recipe over ROOT, base first.
apply_overlays ()
{
  printf '%s\n' "$TCW_CHAIN" >"$TCW_WORK/chain"
  while IFS= read -r folder; do
    if [ -d "$folder/rootfs" ]; then
      cp -R --preserve=mode,links "$folder/rootfs/." "$1/"
    fi
  done <"$TCW_WORK/chain"
}
