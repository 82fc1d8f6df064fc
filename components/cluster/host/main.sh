# The commands of cluster.sh.

case ${1:-} in
claim) claim_directory ;;
prepare) prepare ;;
install) install_node "$2" "$3" ;;
start) start_node ;;
stop) stop_node ;;
remove) remove_node ;;
identity) cat "$DIR/uid" ;;
kubeconfig) cat "$DIR/kubeconfig" ;;
kubectl)
  shift
  run_kubectl "$@"
  ;;
import-image) import_image "$2" "$3" "$4" ;;
forget-image) forget_image "$2" ;;
# For service managers only.
supervise) supervise ;;
run)
  host_up
  become_k3s
  ;;
*)
  echo "usage: cluster.sh prepare|install|start|stop|remove|identity|kubeconfig|kubectl|import-image|forget-image" >&2
  exit 2
  ;;
esac
