# Debian's cloud kernel, unpacked from its package: the kernel file, and modules in the order in which they can be loaded.

# fetch_kernel: sets kernel_root (unpacked package), kernel_release and kernel_image.
fetch_kernel ()
{
  step "fetch the kernel"
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
  [ -n "$package" ] || die "apt knows no linux-image-cloud-amd64" "run: apt-get update"
  download "$package"
  kernel_root=$TCW_WORK/kernel
  unpack "$package" "$kernel_root"
  kernel_release=${package#linux-image-}
  kernel_image=$kernel_root/boot/vmlinuz-$kernel_release
  [ -f "$kernel_image" ] || die "the package $package has no kernel"
}

# module_path NAME: where the module's file is inside the kernel package; nothing for what is built in or doesn't exist.
module_path ()
{
  pattern=$(printf '%s' "$1" | sed 's/[-_]/[-_]/g')
  (cd "$kernel_root" && find "lib/modules/$kernel_release/kernel" -name "$pattern.ko")
}

is_built_in ()
{
  grep -q "/$(printf '%s' "$1" | sed 's/[-_]/[-_]/g')\.ko\$" "$kernel_root/lib/modules/$kernel_release/modules.builtin"
}

# module_closure NAME...: paths of the modules with all that they need, each after its needs, without repeats.
module_closure ()
{
  for module; do
    path=$(module_path "$module")
    if [ -z "$path" ]; then
      is_built_in "$module" || die "the kernel $kernel_release has no module $module" "check the recipe's file modules"
      continue
    fi
    for need in $(tr '\0' '\n' <"$kernel_root/$path" | sed -n 's/^depends=//p' | tr ',' ' '); do
      (module_closure "$need")
    done
    printf '%s\n' "$path"
  done | awk '!seen[$0]++'
}

# install_modules ROOT NAME...: puts modules and their needs into ROOT and lists them in ROOT/etc/tcw-modules in loading order.
install_modules ()
{
  modules_root=$1
  shift
  mkdir -p "$modules_root/etc"
  module_closure "$@" >"$TCW_WORK/modules" || die "could not order the kernel's modules"
  while IFS= read -r module; do
    mkdir -p "$modules_root/$(dirname "$module")"
    cp "$kernel_root/$module" "$modules_root/$module"
    printf '/%s\n' "$module"
  done <"$TCW_WORK/modules" >"$modules_root/etc/tcw-modules"
}
