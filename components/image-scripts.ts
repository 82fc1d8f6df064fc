/** Scripts for sh that deliver an image from its archives to a registry or a command. */

/**
 * All archives have the same index, and each one the layers of one architecture: together they are
 * the whole layout. `describe` prints the descriptor of the index.
 */
const LAYOUT = `set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
layout="$work/layout"
mkdir "$layout"
printf '%s\\n' "$ARCHIVES" | while read -r archive; do tar -xf "$archive" -C "$layout"; done
size=$(wc -c < "$layout/blobs/$(echo "$DIGEST" | tr : /)")
describe() {
  printf '{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"%s","size":%d%s}' \\
    "$DIGEST" "$size" "$1"
}
write_index() { printf '{"schemaVersion":2,"manifests":[%s]}' "$1" > "$layout/index.json"; }`;

/**
 * Reads `CRANE`, `ARCHIVES`, `DIGEST`, and the target as its second argument. Prints crane's last
 * line on failure, and for common reasons what to do.
 */
export const PUSH_SCRIPT = `${LAYOUT}
write_index "$(describe "")"
target=$2
registry=\${target%%/*}
"$CRANE" push "$layout" "$target" 2> "$work/said" && exit
said=$(tail -n 1 "$work/said")
case $said in
*" 401 "* | *UNAUTHORIZED* | *" 403 "* | *DENIED*)
  what="a login that may push, by docker login $registry or crane auth login $registry" ;;
*x509:*)
  what="a certificate that this machine trusts; SSL_CERT_FILE=<path> names the authority's" ;;
*) what="to take $target" ;;
esac
echo "registry $registry: expected $what; got \${said#Error: }" >&2
exit 1`;

/**
 * Reads `ARCHIVES`, `DIGEST`, and the reference as its second argument. containerd looks up a
 * reference with tag and digest by the digest only, and among the names in the archive: so the
 * archive has a name with the tag, for users, and one with the digest. The script is read from
 * standard input, so no command in it may read that.
 */
export function toImportScript(command: string): string {
  return `${LAYOUT}
name() { describe ',"annotations":{"io.containerd.image.name":"'"$1"'"}'; }
tagged=\${2%@*}
write_index "$(name "$tagged"),$(name "\${tagged%:*}@$DIGEST")"
export IMAGE="$2" ARCHIVE="$work/image.tar"
tar -cf "$ARCHIVE" -C "$layout" .
{
${command}
} < /dev/null`;
}
