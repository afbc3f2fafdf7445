//go:build linux

// Package node plays the node of a test cluster on one machine without a container engine: it binds pods to itself, runs
// their containers as processes, each pod in a network of its own, probes and ends them as their specs say, forwards
// ports to them, and leads what is sent to Services to the pods that are ready.
//
// It is not Kubernetes' kubelet. It knows what the operator's pods and those of its tests need: one image, volumes that
// are small files, probes over HTTP and TCP, preStop sleeps; no limits, no init containers, no DNS.
//
// It needs Linux, and either root or user namespaces: see [Enter].
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"runtime"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Name is what the node is called.
const Name = "loopback"

// Options tell what the node is part of.
type Options struct {
	// Config is an administrator's access to the API server. Pods reach it at the same address.
	Config *rest.Config
	// Network is where pods get their addresses.
	Network *Network
	// Image is the path of an OCI archive with the one image that is on the node.
	Image string
	// Folder is where images and pods are unpacked.
	Folder string
	// Log gets what the node does; nil: nobody.
	Log io.Writer
}

// Node is a running node.
type Node struct {
	Options
	api    client.Client
	cache  cache.Cache
	image  *image
	log    *log.Logger
	server *http.Server
	port   int
	proxy  *proxy

	ctx     context.Context //nolint:containedctx // It ends with Stop, and with it all pods.
	stop    context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	pods map[types.UID]*pod
}

// Start registers the node and begins to run pods.
func Start(ctx context.Context, o Options) (*Node, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	n := &Node{Options: o, log: log.New(o.Log, "node: ", log.Ltime|log.Lmicroseconds), pods: map[types.UID]*pod{}}
	n.ctx, n.stop = context.WithCancel(context.Background())
	for _, step := range []func(context.Context) error{n.unpack, n.connect, n.serve, n.register, n.watch} {
		if err := step(ctx); err != nil {
			n.Stop()
			return nil, fmt.Errorf("start the node: %w", err)
		}
	}
	return n, nil
}

// Stop kills all pods. Their objects stay.
func (n *Node) Stop() {
	n.stop()
	n.running.Wait()
	if n.server != nil {
		_ = n.server.Close()
	}
	if n.proxy != nil {
		n.proxy.close()
	}
}

func (n *Node) unpack(context.Context) (err error) {
	n.image, err = unpackImage(n.Image, n.Folder)
	return err
}

func (n *Node) connect(ctx context.Context) (err error) {
	if n.api, err = client.New(n.Config, client.Options{}); err != nil {
		return err
	}
	n.cache, err = cache.New(n.Config, cache.Options{})
	return errors.Join(err, ctx.Err())
}

// register makes the Node, ready to take pods.
func (n *Node) register(ctx context.Context) error {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: Name, Labels: map[string]string{
		corev1.LabelHostname: Name, corev1.LabelOSStable: runtime.GOOS, corev1.LabelArchStable: runtime.GOARCH,
	}}}
	if err := n.api.Create(ctx, node); err != nil {
		return err
	}
	room := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("16Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	now := metav1.Now()
	node.Status = corev1.NodeStatus{
		Capacity: room, Allocatable: room,
		Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.Network.Address()}},
		Conditions: []corev1.NodeCondition{{
			Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "Running", LastHeartbeatTime: now, LastTransitionTime: now,
		}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(n.port)}},
		NodeInfo:        corev1.NodeSystemInfo{OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH, KubeletVersion: "v0.0.0-loopback"},
	}
	return n.api.Status().Update(ctx, node)
}

// watch follows the pods and the Services.
func (n *Node) watch(ctx context.Context) error {
	n.proxy = newProxy(n)
	n.running.Go(func() { _ = n.cache.Start(n.ctx) }) // It ends only because the node does.
	handlers := map[client.Object]toolscache.ResourceEventHandler{
		&corev1.Pod{}: toolscache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { n.see(object.(*corev1.Pod)) },
			UpdateFunc: func(_, object any) { n.see(object.(*corev1.Pod)) },
			DeleteFunc: n.lose,
		},
		&corev1.Service{}: n.proxy.handler(), &discoveryv1.EndpointSlice{}: n.proxy.handler(),
	}
	for object, handler := range handlers {
		informer, err := n.cache.GetInformer(ctx, object)
		if err != nil {
			return err
		}
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	n.running.Go(n.proxy.run)
	return nil
}

// see takes pods in, and tells those that run here what is new about them.
func (n *Node) see(object *corev1.Pod) {
	if n.ctx.Err() != nil {
		return
	}
	if object.Spec.NodeName == "" {
		n.bind(object)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	running := n.pods[object.UID]
	switch {
	case object.Spec.NodeName != Name:
	case running != nil:
		running.see(object)
	default:
		taken := newPod(n, object)
		n.pods[object.UID] = taken
		n.running.Go(func() {
			taken.run()
			n.mu.Lock()
			defer n.mu.Unlock()
			delete(n.pods, object.UID)
		})
	}
}

// lose kills a pod whose object is gone.
func (n *Node) lose(object any) {
	if unknown, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if lost, ok := object.(*corev1.Pod); ok && n.pods[lost.UID] != nil {
		n.pods[lost.UID].kill()
	}
}

// bind is what the scheduler does: there is one node.
func (n *Node) bind(object *corev1.Pod) {
	if object.DeletionTimestamp != nil || len(object.Spec.SchedulingGates) > 0 {
		return
	}
	n.log.Printf("%s/%s is bound", object.Namespace, object.Name)
	binding := &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: Name}}
	if err := n.api.SubResource("binding").Create(n.ctx, object, binding); err != nil {
		n.log.Printf("bind %s/%s: %v", object.Namespace, object.Name, err)
	}
}

// find is a pod that runs here; nil: there is none.
func (n *Node) find(namespace, name string) *pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.pods {
		p.mu.Lock()
		open := p.sandbox != nil
		p.mu.Unlock()
		if open && p.namespace == namespace && p.name == name {
			return p
		}
	}
	return nil
}
