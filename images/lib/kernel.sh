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

# module_closure NAME: path of the module after those of all that it needs; with repeats.
module_closure ()
{
  path=$(module_path "$1")
  if [ -z "$path" ]; then
    is_built_in "$1" || die "the kernel $kernel_release has no module $1" "check the recipe's file modules"
    return 0
  fi
  for need in $(tr '\0' '\n' <"$kernel_root/$path" | sed -n 's/^depends=//p' | tr ',' ' '); do
    (module_closure "$need")
  done
  printf '%s\n' "$path"
}

# install_modules ROOT: puts the recipe's modules and their needs into ROOT and lists them in ROOT/etc/tcw-modules in loading order.
install_modules ()
{
  mkdir -p "$1/etc"
  recipe_list modules >"$TCW_WORK/modules"
  while IFS= read -r name; do
    (module_closure "$name")
  done <"$TCW_WORK/modules" >"$TCW_WORK/closure"
  awk '!seen[$0]++' "$TCW_WORK/closure" >"$TCW_WORK/modules"
  while IFS= read -r module; do
    mkdir -p "$1/$(dirname "$module")"
    cp "$kernel_root/$module" "$1/$module"
    printf '/%s\n' "$module"
  done <"$TCW_WORK/modules" >"$1/etc/tcw-modules"
}
