package e2e

import (
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/hack/operator"
)

// leader is who holds the lease; empty: nobody.
func leader() string {
	GinkgoHelper()
	lease := &coordinationv1.Lease{}
	err := api.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: "partner-operator"}, lease)
	Expect(client.IgnoreNotFound(err)).NotTo(HaveOccurred())
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// lead starts the operator that all specs share as the leader.
func lead(args ...string) {
	GinkgoHelper()
	before := leader()
	startOperator(append([]string{"--leader-elect"}, args...)...)
	Eventually(leader, soon, often).ShouldNot(Or(BeEmpty(), Equal(before)))
}

// replica is an operator that starts again whenever it ends, as in a Deployment: on a busy machine it may lose the lease.
type replica struct {
	args []string

	mutex   sync.Mutex
	started []*operator.Operator
	stopped bool
}

// startSecond starts a replica that waits for the lease.
func startSecond() { startBeside("--leader-elect") }

// startBeside starts another operator beside the one that all specs share.
func startBeside(args ...string) {
	GinkgoHelper()
	second = &replica{args: args}
	Expect(second.start()).To(Succeed())
}

func (r *replica) start() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.stopped {
		return nil
	}
	o, err := operator.Start(ctx, operator.Options{
		Binary: binary, Cluster: plane, Kubeconfig: proxies[1].Kubeconfig, SMTPAddr: inbox.SMTPAddr(),
		Args: append([]string{"--portal-url=http://" + portalAddress, "--zap-log-level=debug"}, r.args...),
		Log:  logFile(),
	})
	if err != nil {
		return err
	}
	r.started = append(r.started, o)
	go func() {
		defer GinkgoRecover()
		<-o.Ended()
		Eventually(r.start, time.Minute).Should(Succeed(), "the API server may be away")
	}()
	return nil
}

// stop ends the replica, if there is one.
func (r *replica) stop() {
	GinkgoHelper()
	if r == nil {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.stopped = true
	Expect(r.started[len(r.started)-1].Stop()).To(Succeed())
}

// logs are those of all that were started.
func (r *replica) logs() (logs []string) {
	if r == nil {
		return nil
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, each := range r.started {
		logs = append(logs, each.Log())
	}
	return logs
}
