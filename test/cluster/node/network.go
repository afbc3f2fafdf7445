//go:build linux

package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	bridgeName = "pods"
	gateway    = "10.244.0.1"
)

// entered tells a process that it is in the namespaces that Enter makes.
const entered = "PARTNER_OPERATOR_LOOPBACK_NODE"

// ErrNoNamespaces is the error of Enter where the system lets this user make none.
var ErrNoNamespaces = errors.New("this system lets nobody but root make networks of their own: run it as root, or allow user namespaces (kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)")

// Enter starts this program again, with the same arguments, in a network of its own, and, unless it is root's, as root in
// a user namespace of its own. There it returns true. In the first process it gives the second one's exit code once that
// has ended.
func Enter() (inside bool, code int, err error) {
	if os.Getenv(entered) != "" {
		return true, 0, nil
	}
	command := exec.Command("/proc/self/exe", os.Args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), entered+"=1")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	runtime.LockOSThread() // The second process ends with the thread that started it.
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if err := command.Start(); err != nil {
		return false, 0, fmt.Errorf("%w: %w", ErrNoNamespaces, err)
	}
	go func() {
		for told := range signals { // A Ctrl-C is for both already.
			if told == syscall.SIGTERM {
				_ = command.Process.Signal(told)
			}
		}
	}()
	err = command.Wait()
	if exit := (&exec.ExitError{}); errors.As(err, &exit) {
		err = nil
	}
	return false, command.ProcessState.ExitCode(), err
}

// Network joins the pods, and gives them addresses. It is that of the process, which has to be in a namespace of its own.
type Network struct {
	bridge netlink.Link
	mu     sync.Mutex
	pods   int
}

// NewNetwork makes the network.
func NewNetwork() (*Network, error) {
	local, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	// Without a hardware address of its own the bridge takes one of its pods', and another when that goes.
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName, HardwareAddr: net.HardwareAddr{2, 0, 10, 244, 0, 1}}}
	address, err := netlink.ParseAddr(gateway + "/16")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(netlink.LinkSetUp(local), netlink.LinkAdd(bridge)); err != nil {
		return nil, fmt.Errorf("make a network for pods: %w", err)
	}
	return &Network{bridge: bridge}, errors.Join(netlink.AddrAdd(bridge, address), netlink.LinkSetUp(bridge))
}

// Address is where pods reach the machine.
func (*Network) Address() string { return gateway }

// own makes this machine answer at an address.
func (*Network) own(ip string) error {
	local, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	address, err := netlink.ParseAddr(ip + "/32")
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(local, address); !errors.Is(err, syscall.EEXIST) {
		return err
	}
	return nil
}

// plug connects the namespace of a thread to the network, and gives its address.
func (n *Network) plug(thread int) (net.IP, error) {
	n.mu.Lock()
	n.pods++
	number := n.pods
	n.mu.Unlock()
	cable := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: fmt.Sprintf("pod%d", number), MasterIndex: n.bridge.Attrs().Index},
		PeerName:      "eth0",
		PeerNamespace: netlink.NsPid(thread),
	}
	if err := netlink.LinkAdd(cable); err != nil {
		return nil, err
	}
	ip := net.IPv4(10, 244, byte((number+1)>>8), byte(number+1))
	return ip, netlink.LinkSetUp(cable)
}

// sandbox is a thread in the namespaces of a pod. All of a pod is started by it, and ends with it.
type sandbox struct {
	ip   string
	work chan func()
}

// openSandbox makes the namespaces of a pod.
func openSandbox(network *Network, hostname string) (*sandbox, error) {
	s := &sandbox{work: make(chan func())}
	opened := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: nobody else can use this thread, and it ends with the goroutine
		err := s.enter(network, hostname)
		opened <- err
		if err != nil {
			return
		}
		for do := range s.work {
			do()
		}
	}()
	if err := <-opened; err != nil {
		return nil, err
	}
	return s, nil
}

func (s *sandbox) enter(network *Network, hostname string) error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWUTS); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(hostname)); err != nil {
		return err
	}
	thread, plugged := unix.Gettid(), make(chan error)
	var ip net.IP
	go func() { // on another thread, which is in the network
		var err error
		ip, err = network.plug(thread)
		plugged <- err
	}()
	if err := <-plugged; err != nil {
		return fmt.Errorf("plug the pod in: %w", err)
	}
	s.ip = ip.String()
	local, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	card, err := netlink.LinkByName("eth0")
	if err != nil {
		return err
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(16, 32)}}
	if err := errors.Join(netlink.LinkSetUp(local), netlink.AddrAdd(card, address), netlink.LinkSetUp(card)); err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: card.Attrs().Index, Gw: net.ParseIP(gateway)})
}

// within does something in the namespaces of the pod.
func (s *sandbox) within(do func() error) (err error) {
	done := make(chan struct{})
	s.work <- func() {
		err = do()
		close(done)
	}
	<-done
	return err
}

// close ends the thread, and kills what it started and is still there.
func (s *sandbox) close() { close(s.work) }
