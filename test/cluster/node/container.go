//go:build linux

package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

const (
	firstBackoff = time.Second
	maxBackoff   = 10 * time.Second
)

// container is a container of a pod: a process, or the next one after it ended.
type container struct {
	*corev1.Container
	pod *pod

	mu       sync.Mutex
	state    corev1.ContainerState
	last     corev1.ContainerState
	ready    bool
	changed  time.Time // when it was last ready or no longer so
	restarts int32
	process  *os.Process
}

func newContainer(p *pod, spec *corev1.Container) *container {
	c := &container{Container: spec, pod: p, changed: time.Now()}
	c.wait("ContainerCreating", "")
	return c
}

// failure is why a container waits.
type failure struct{ reason, message string }

// Error tells it.
func (f failure) Error() string { return f.reason + ": " + f.message }

// run runs processes until the pod is to end.
func (c *container) run() {
	for backoff := firstBackoff; ; backoff = min(2*backoff, maxBackoff) {
		if err := c.once(); err != nil {
			reason := failure{reason: "RunContainerError", message: err.Error()}
			_ = errors.As(err, &reason)
			c.wait(reason.reason, reason.message)
		} else if !ended(c.pod.ending) {
			c.mu.Lock()
			c.restarts++
			c.mu.Unlock()
			c.wait("CrashLoopBackOff", "back-off "+backoff.String())
		}
		c.pod.report()
		select {
		case <-c.pod.ending:
			return
		case <-time.After(backoff):
		}
	}
}

// once runs one process, and returns when it has ended. An error means that there was none.
func (c *container) once() error {
	command, err := c.prepare()
	if err != nil {
		return err
	}
	err = c.pod.sandbox.within(command.Start)
	_ = command.Stdout.(*os.File).Close() // The process has its own.
	if err != nil {
		return fmt.Errorf("exec %q: %w", command.Path, err)
	}
	exited := make(chan struct{})
	c.mu.Lock()
	c.process = command.Process
	c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
	c.mu.Unlock()
	c.setReady(c.ReadinessProbe == nil)
	var watching sync.WaitGroup
	watching.Go(func() { c.endWith(exited) })
	watching.Go(func() { c.probe(c.ReadinessProbe, exited, c.setReady) })
	watching.Go(func() {
		c.probe(c.LivenessProbe, exited, func(alive bool) {
			if !alive {
				c.pod.node.log.Printf("%s/%s does not live", c.pod.namespace, c.pod.name)
				_ = command.Process.Signal(syscall.SIGTERM)
			}
		})
	})
	_ = command.Wait() // how it ended is in its state
	close(exited)
	watching.Wait()
	c.setReady(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(command.ProcessState.ExitCode()), StartedAt: c.state.Running.StartedAt, FinishedAt: metav1.Now(),
	}}
	c.last = c.state
	return nil
}

// prepare makes the files of a process, and the process's command.
func (c *container) prepare() (*exec.Cmd, error) {
	if !c.pod.node.image.is(c.Image) {
		if c.ImagePullPolicy == corev1.PullNever {
			return nil, failure{"ErrImageNeverPull", "the image is not on the node, and must not be pulled"}
		}
		return nil, failure{"ErrImagePull", "the image is not on the node, and nothing can be pulled"}
	}
	if c.ImagePullPolicy == corev1.PullAlways {
		return nil, failure{"ErrImagePull", "the image is to be pulled always, and nothing can be pulled"}
	}
	root := filepath.Join(c.pod.folder, c.Name)
	if err := errors.Join(os.RemoveAll(root), c.pod.node.image.copyTo(root), c.mount(root)); err != nil {
		return nil, failure{"CreateContainerConfigError", err.Error()}
	}
	environment, err := c.environment()
	if err != nil {
		return nil, failure{"CreateContainerConfigError", err.Error()}
	}
	attributes, err := c.identity(root)
	if err != nil {
		return nil, failure{"CreateContainerConfigError", err.Error()}
	}
	words := append([]string{}, c.Command...)
	if len(c.Command) == 0 {
		words = append(words, c.pod.node.image.config.Entrypoint...)
	}
	words = append(words, c.Args...)
	output, err := c.openLog()
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{Path: words[0], Args: words, Env: environment, Dir: "/", Stdout: output, Stderr: output, SysProcAttr: attributes}, nil
}

// openLog opens the file for what the process prints. That of the process before has .previous after its name.
func (c *container) openLog() (*os.File, error) {
	file := filepath.Join(c.pod.folder, c.Name+".log")
	if err := os.Rename(file, file+".previous"); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return os.Create(file)
}

// identity is who the process runs as, in which root. Who may not become another user is that user in a namespace of the
// process's own.
func (c *container) identity(root string) (*syscall.SysProcAttr, error) {
	user, group, err := c.pod.node.image.user()
	if err != nil {
		return nil, err
	}
	if context := c.pod.object.Spec.SecurityContext; context != nil && ptr.Deref(context.RunAsNonRoot, false) && user == 0 {
		return nil, errors.New("container has runAsNonRoot and image will run as root")
	}
	attributes := &syscall.SysProcAttr{
		Chroot: root, Pdeathsig: syscall.SIGKILL, Setpgid: true,
		Credential: &syscall.Credential{Uid: user, Gid: group, NoSetGroups: true},
	}
	known, err := os.ReadFile("/proc/self/uid_map")
	if fields := strings.Fields(string(known)); err == nil && len(fields) == 3 && fields[2] == "1" {
		attributes.Cloneflags = syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: int(user), HostID: 0, Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: int(group), HostID: 0, Size: 1}}
	}
	return attributes, err
}

// endWith ends the process once the pod is to end: preStop, a request, and, when the time is over, force.
func (c *container) endWith(exited <-chan struct{}) {
	select {
	case <-exited:
		return
	case <-c.pod.ending:
	}
	if c.Lifecycle != nil && c.Lifecycle.PreStop != nil && c.Lifecycle.PreStop.Sleep != nil {
		select {
		case <-exited:
			return
		case <-c.pod.dead:
		case <-time.After(time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second):
		}
	}
	if !ended(c.pod.dead) {
		_ = c.process.Signal(syscall.SIGTERM)
	}
	select {
	case <-exited:
	case <-c.pod.dead:
		_ = c.process.Kill()
	}
}

func ended(channel <-chan struct{}) bool {
	select {
	case <-channel:
		return true
	default:
		return false
	}
}

func (c *container) wait(reason, message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func (c *container) setReady(is bool) {
	c.mu.Lock()
	changed := c.ready != is
	if changed {
		c.ready, c.changed = is, time.Now()
	}
	c.mu.Unlock()
	c.pod.report()
}

// status is how the container is, and when that last changed.
func (c *container) status() (corev1.ContainerStatus, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, ImageID: c.pod.node.image.name, State: c.state, LastTerminationState: c.last,
		Ready: c.ready, RestartCount: c.restarts, Started: ptr.To(c.state.Running != nil),
	}, c.changed
}
