//go:build linux

package node

import (
	"encoding/json"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const defaultGrace = 30 * time.Second

// pod is a pod that runs here.
type pod struct {
	node            *Node
	namespace, name string
	folder          string
	sandbox         *sandbox
	containers      []*container
	started         time.Time

	ending chan struct{} // closed when the pod is to end
	dead   chan struct{} // closed when there is no more time for it

	mu     sync.Mutex
	object *corev1.Pod
	told   string // the status that was told last
	end    sync.Once
	die    sync.Once
}

func newPod(n *Node, object *corev1.Pod) *pod {
	p := &pod{
		node: n, namespace: object.Namespace, name: object.Name, object: object.DeepCopy(), started: time.Now(),
		ending: make(chan struct{}), dead: make(chan struct{}),
	}
	for i := range object.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.Containers[i]))
	}
	p.see(object)
	return p
}

// see takes notice of the newest object. A pod that is being deleted ends within its grace.
func (p *pod) see(object *corev1.Pod) {
	p.mu.Lock()
	p.object = object.DeepCopy()
	p.mu.Unlock()
	if object.DeletionTimestamp == nil {
		return
	}
	p.end.Do(func() {
		close(p.ending)
		grace := defaultGrace
		if object.DeletionGracePeriodSeconds != nil {
			grace = time.Duration(*object.DeletionGracePeriodSeconds) * time.Second
		}
		time.AfterFunc(grace, p.kill)
	})
}

// kill ends the pod at once.
func (p *pod) kill() {
	p.end.Do(func() { close(p.ending) })
	p.die.Do(func() { close(p.dead) })
}

// run runs the pod until it has ended, and then removes its object, as the last one to need it.
func (p *pod) run() {
	ended := make(chan struct{})
	p.node.running.Go(func() { // with the node, all pods end at once
		select {
		case <-p.node.ctx.Done():
			p.kill()
		case <-ended:
		}
	})
	defer close(ended)
	err := p.open()
	if err == nil {
		defer p.sandbox.close()
		defer func() { _ = os.RemoveAll(p.folder) }()
		p.node.log.Printf("%s/%s runs at %s", p.namespace, p.name, p.sandbox.ip)
		var all sync.WaitGroup
		for _, c := range p.containers {
			all.Go(c.run)
		}
		p.report()
		all.Wait()
	} else {
		p.node.log.Printf("%s/%s: %v", p.namespace, p.name, err)
		<-p.ending
	}
	p.node.log.Printf("%s/%s has ended", p.namespace, p.name)
	if p.node.ctx.Err() != nil {
		return
	}
	p.report()
	object := p.latest()
	err = p.node.api.Delete(p.node.ctx, object, client.GracePeriodSeconds(0), client.Preconditions{UID: &object.UID})
	if client.IgnoreNotFound(err) != nil {
		p.node.log.Printf("remove %s/%s: %v", p.namespace, p.name, err)
	}
}

// open makes what the containers share.
func (p *pod) open() error {
	folder, err := os.MkdirTemp(p.node.Folder, "pod-")
	if err != nil {
		return err
	}
	sandbox, err := openSandbox(p.node.Network, p.name)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.folder, p.sandbox = folder, sandbox
	return err
}

func (p *pod) latest() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.object.DeepCopy()
}

// report tells the API server how the pod is, if that is news. It never fails the pod: the next report tells it, too.
func (p *pod) report() {
	p.mu.Lock()
	defer p.mu.Unlock()
	status := p.status()
	content, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": p.object.UID}, "status": status})
	if err != nil || string(content) == p.told {
		return
	}
	if err := p.node.api.Status().Patch(p.node.ctx, p.object.DeepCopy(), client.RawPatch(types.MergePatchType, content)); err != nil {
		p.node.log.Printf("tell how %s/%s is: %v", p.namespace, p.name, err)
		return
	}
	p.told = string(content)
}

func (p *pod) status() corev1.PodStatus {
	started := metav1.NewTime(p.started)
	status := corev1.PodStatus{
		Phase: corev1.PodPending, StartTime: &started, QOSClass: p.object.Status.QOSClass,
		HostIP: gateway, HostIPs: []corev1.HostIP{{IP: gateway}},
	}
	if p.sandbox != nil {
		status.PodIP, status.PodIPs = p.sandbox.ip, []corev1.PodIP{{IP: p.sandbox.ip}}
	}
	ready, running := true, false
	changed := p.started
	for _, c := range p.containers {
		told, at := c.status()
		status.ContainerStatuses = append(status.ContainerStatuses, told)
		ready = ready && told.Ready
		running = running || told.State.Running != nil || told.RestartCount > 0
		if at.After(changed) {
			changed = at
		}
	}
	if running {
		status.Phase = corev1.PodRunning
	}
	for _, condition := range []struct {
		kind corev1.PodConditionType
		is   bool
		at   time.Time
	}{
		{corev1.PodScheduled, true, p.started}, {corev1.PodInitialized, true, p.started},
		{corev1.ContainersReady, ready, changed}, {corev1.PodReady, ready, changed},
	} {
		told := corev1.PodCondition{Type: condition.kind, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(condition.at)}
		if !condition.is {
			told.Status, told.Reason = corev1.ConditionFalse, "ContainersNotReady"
		}
		status.Conditions = append(status.Conditions, told)
	}
	return status
}
