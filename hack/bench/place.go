package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/cluster"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

const operatorNamespace = "partner-operator-system"

// place is a control plane and a mail catcher of their own, in which operators are started and stopped.
type place struct {
	settings
	plane      *cluster.Cluster
	inbox      *mailcatcher.Catcher
	api        client.Client
	objects    *kubernetes.Clientset
	account    *rest.Config
	kubeconfig string
	proxy      *apiproxy.Proxy
	tenants    int
	profiles   string // where the operator that was started last serves them
}

// open starts a place; close it.
func open(ctx context.Context, s settings) (p *place, err error) {
	p = &place{settings: s}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	p.plane, err = cluster.Start(ctx, cluster.Options{CRDs: []string{filepath.Join(s.root, "config/crd/bases")}, ControllerManager: true})
	if err != nil {
		return p, err
	}
	if p.inbox, err = mailcatcher.Start(mailcatcher.Options{}); err != nil {
		return p, err
	}
	scheme := runtime.NewScheme()
	if err = errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return p, err
	}
	if p.api, err = client.New(p.plane.Config, client.Options{Scheme: scheme}); err != nil {
		return p, err
	}
	if p.objects, err = kubernetes.NewForConfig(p.plane.Config); err != nil {
		return p, err
	}
	for _, folder := range []string{"config/namespace", "config/rbac"} {
		if out, err := p.plane.Kubectl(ctx, "apply", "-k", filepath.Join(s.root, folder)).CombinedOutput(); err != nil {
			return p, fmt.Errorf("%w: %s", err, out)
		}
	}
	if p.account, p.kubeconfig, err = p.plane.ServiceAccountConfig(ctx, operatorNamespace, "partner-operator"); err != nil {
		return p, err
	}
	p.proxy, err = apiproxy.Start(p.account)
	return p, err
}

func (p *place) close() error {
	var errs []error
	if p.proxy != nil {
		errs = append(errs, p.proxy.Close())
	}
	if p.inbox != nil {
		errs = append(errs, p.inbox.Close())
	}
	if p.plane != nil {
		errs = append(errs, p.plane.Stop())
	}
	return errors.Join(errs...)
}

// start runs an operator, without limits on requests for mail.
func (p *place) start(ctx context.Context, args ...string) (*operator.Operator, error) {
	return p.startAt(ctx, p.kubeconfig, args...)
}

// startCounted runs one whose requests to the API server are counted.
func (p *place) startCounted(ctx context.Context, args ...string) (*operator.Operator, error) {
	return p.startAt(ctx, p.proxy.Kubeconfig, args...)
}

func (p *place) startAt(ctx context.Context, kubeconfig string, args ...string) (*operator.Operator, error) {
	flags, err := p.profiling()
	if err != nil {
		return nil, err
	}
	return operator.Start(ctx, operator.Options{
		Binary: filepath.Join(p.root, "bin/partner-operator"), Cluster: p.plane, Kubeconfig: kubeconfig, SMTPAddr: p.inbox.SMTPAddr(),
		Args: slices.Concat([]string{"--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8"}, flags, args),
	})
}

// tenant makes a namespace with the program "referral", whose default group is "gold".
func (p *place) tenant(ctx context.Context) (string, error) {
	p.tenants++
	ns := fmt.Sprintf("bench-%d", p.tenants)
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}},
		&v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "referral"}, Spec: v1alpha1.ProgramSpec{
			DisplayName: "Acme Referral", DefaultGroupRef: &v1alpha1.GroupReference{Name: "gold"}, Links: v1alpha1.ProgramLinks{Destination: "https://acme.example/start"},
		}},
		&v1alpha1.PartnerGroup{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "gold"}, Spec: v1alpha1.PartnerGroupSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, DisplayName: "Gold",
		}},
	} {
		if err := p.api.Create(ctx, object); err != nil {
			return "", err
		}
	}
	return ns, nil
}

func address(ns string, n int) string { return fmt.Sprintf("partner%d@%s.example", n, ns) }

func invite(ns string, n int) *v1alpha1.PartnerInvite {
	return &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("invite-%d", n)},
		Spec: v1alpha1.PartnerInviteSpec{
			Contact:  v1alpha1.Contact{Email: v1alpha1.EmailAddress(address(ns, n)), FirstName: "Ada"},
			Programs: []v1alpha1.ProgramGrant{{Name: "referral", GroupRef: &v1alpha1.GroupReference{Name: "gold"}}},
		},
	}
}

func partner(ns string, n int) *v1alpha1.Partnership {
	return &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("partner-%d", n)},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"},
			Contact:    &v1alpha1.Contact{Email: v1alpha1.EmailAddress(address(ns, n)), FirstName: "Ada"},
		},
	}
}

// each does something for 0 to count, by so many at once. The first error ends it.
func each(ctx context.Context, count, parallel int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var all sync.WaitGroup
	for range parallel {
		all.Go(func() {
			for n := range numbers {
				if err := do(ctx, n); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for n := 0; n < count && ctx.Err() == nil; n++ {
		select {
		case numbers <- n:
		case <-ctx.Done():
		}
	}
	close(numbers)
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

// metric reads one metric of an operator that serves them at this address, without labels.
func metric(ctx context.Context, at, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("there is no metric %s", name)
}

// ofProcess reads a figure such as VmHWM, in KiB, from what the system knows of a process.
func ofProcess(pid int, name string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strconv.ParseFloat(strings.Fields(value)[0], 64)
		}
	}
	return 0, fmt.Errorf("the system does not know %s of a process", name)
}

// cpuSeconds is the time that a process has computed.
func cpuSeconds(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("the system does not know how long a process computed")
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	const ticks = 100 // in a second, on Linux
	return (user + system) / ticks, errors.Join(err1, err2)
}
