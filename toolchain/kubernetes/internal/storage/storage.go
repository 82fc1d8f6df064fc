// Package storage provides volumes of the class local-path: directories of this node.
package storage

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const (
	provisionerName    = "rancher.io/local-path"
	selectedNode       = "volume.kubernetes.io/selected-node"
	storageProvisioner = "volume.kubernetes.io/storage-provisioner"
	provisionedBy      = "pv.kubernetes.io/provisioned-by"
)

// Provisioner makes the volumes of one node.
type Provisioner struct {
	client kubernetes.Interface
	node   string
	dir    string
	claims cache.Store
	volume cache.Store
	queue  workqueue.TypedRateLimitingInterface[task]
}

// task is a claim (with a namespace) to provide for or a volume (without) to remove.
type task struct{ namespace, name string }

// New returns a provisioner that keeps the volumes of a node in a directory.
func New(client kubernetes.Interface, node, dir string) *Provisioner {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[task](250*time.Millisecond, 30*time.Second)
	return &Provisioner{
		client: client, node: node, dir: dir, queue: workqueue.NewTypedRateLimitingQueue(limiter),
	}
}

// Run works until the context ends.
func (p *Provisioner) Run(ctx context.Context) {
	factory := informers.NewSharedInformerFactory(p.client, 0)
	claims := factory.Core().V1().PersistentVolumeClaims().Informer()
	volumes := factory.Core().V1().PersistentVolumes().Informer()
	p.claims, p.volume = claims.GetStore(), volumes.GetStore()
	p.watch(claims)
	p.watch(volumes)
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), claims.HasSynced, volumes.HasSynced) {
		return
	}
	go func() {
		<-ctx.Done()
		p.queue.ShutDown()
	}()
	for p.step(ctx) {
	}
}

func (p *Provisioner) watch(informer cache.SharedIndexInformer) {
	enqueue := func(object any) {
		if accessor, ok := object.(metav1.Object); ok {
			p.queue.Add(task{accessor.GetNamespace(), accessor.GetName()})
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
	})
	if err != nil {
		panic(err) // only after the informer has been stopped
	}
}

func (p *Provisioner) step(ctx context.Context) bool {
	item, stopped := p.queue.Get()
	if stopped {
		return false
	}
	defer p.queue.Done(item)
	if err := p.reconcile(ctx, item); err != nil {
		log.Printf("local-path: %s/%s: %v", item.namespace, item.name, err)
		p.queue.AddRateLimited(item)
		return true
	}
	p.queue.Forget(item)
	return true
}

func (p *Provisioner) reconcile(ctx context.Context, item task) error {
	if item.namespace == "" {
		object, exists, err := p.volume.GetByKey(item.name)
		if err != nil || !exists {
			return err
		}
		return p.release(ctx, object.(*corev1.PersistentVolume))
	}
	object, exists, err := p.claims.GetByKey(item.namespace + "/" + item.name)
	if err != nil || !exists {
		return err
	}
	claim := object.(*corev1.PersistentVolumeClaim)
	if !p.wants(claim) {
		return nil
	}
	class, err := p.client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	return p.provide(ctx, claim, class)
}

// wants tells whether a claim waits for this node: its pod was scheduled here.
func (p *Provisioner) wants(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Annotations[storageProvisioner] == provisionerName &&
		claim.Annotations[selectedNode] == p.node &&
		claim.Spec.VolumeName == "" && claim.Spec.StorageClassName != nil &&
		claim.DeletionTimestamp == nil
}

func (p *Provisioner) provide(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass,
) error {
	// The claim's identity names the volume, so that a second attempt finds the first one's work.
	name := "pvc-" + string(claim.UID)
	path := filepath.Join(p.dir, strings.Join([]string{name, claim.Namespace, claim.Name}, "_"))
	if err := makeDirectory(path); err != nil {
		return err
	}
	_, err := p.client.CoreV1().PersistentVolumes().Create(ctx, p.describe(name, path, claim, class), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func (p *Provisioner) describe(
	name, path string, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass,
) *corev1.PersistentVolume {
	kind := corev1.HostPathDirectoryOrCreate
	policy := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisionerName}},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: claim.Spec.Resources.Requests[corev1.ResourceStorage]},
			PersistentVolumeReclaimPolicy: policy,
			StorageClassName:              class.Name,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: path, Type: &kind},
			},
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{
					MatchExpressions: []corev1.NodeSelectorRequirement{{
						Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{p.node},
					}},
				}},
			}},
		},
	}
}

// makeDirectory makes a directory that any user of a pod can write, whatever the umask is.
func makeDirectory(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o777); err != nil && !os.IsExist(err) {
		return err
	}
	return os.Chmod(path, 0o777)
}

// release removes a volume whose claim is gone, directory first.
func (p *Provisioner) release(ctx context.Context, volume *corev1.PersistentVolume) error {
	if volume.Annotations[provisionedBy] != provisionerName ||
		volume.Status.Phase != corev1.VolumeReleased ||
		volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete ||
		volume.Spec.HostPath == nil {
		return nil
	}
	path := filepath.Clean(volume.Spec.HostPath.Path)
	if filepath.Dir(path) != p.dir {
		return fmt.Errorf("path: expected a directory in %s, got %s", p.dir, path)
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	err := p.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
