package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/hack/agent"
)

const (
	agentName = "agent"
	mailPort  = 25
)

// startAgent runs the agent as a pod, and connects to it.
func (s *site) startAgent(ctx context.Context) error {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: agentNamespace, Name: "mail"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": agentName},
			Ports:    []corev1.ServicePort{{Name: "smtp", Port: mailPort, TargetPort: intstr.FromInt(agent.SMTPPort)}},
		},
	}
	if err := s.apply(ctx, namespace(agentNamespace)); err != nil {
		return err
	}
	// The default ServiceAccount of a new namespace takes a moment, and without it pods are refused.
	if err := until(ctx, func(ctx context.Context) error { return s.apply(ctx, service, s.agentPod()) }); err != nil {
		return err
	}
	if err := until(ctx, func(ctx context.Context) error { return s.podReady(ctx, agentNamespace, agentName) }); err != nil {
		return errors.Join(err, s.tell(ctx, agentNamespace))
	}
	if err := s.api.Get(ctx, client.ObjectKeyFromObject(service), service); err != nil {
		return err
	}
	// The address and not the name: the test does not depend on the cluster's DNS.
	s.mailHost = net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(mailPort))
	s.forward = &forwarder{config: s.config, url: s.objects.CoreV1().RESTClient().Post().Resource("pods").
		Namespace(agentNamespace).Name(agentName).SubResource("portforward")}
	s.agent = &agent.Client{Dial: s.forward.dial}
	return until(ctx, func(ctx context.Context) error {
		_, err := s.agent.Results(ctx)
		return err
	})
}

func (s *site) agentPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: agentNamespace, Name: agentName, Labels: map[string]string{"app": agentName}},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   ptr.To(true),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			NodeSelector: map[string]string{corev1.LabelOSStable: "linux"},
			Containers: []corev1.Container{{
				Name: agentName, Image: s.image, ImagePullPolicy: corev1.PullNever, Command: []string{agent.Path},
				Ports: []corev1.ContainerPort{{Name: "smtp", ContainerPort: agent.SMTPPort}},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromString("smtp")}},
					PeriodSeconds: 1,
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false),
					ReadOnlyRootFilesystem:   ptr.To(true),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
			TerminationGracePeriodSeconds: ptr.To[int64](1),
		},
	}
}

// hangUp ends the connection to the agent.
func (s *site) hangUp() { s.forward.close() }

// forwarder keeps a port of this machine that leads to the agent's, as kubectl port-forward does, and renews it when it
// breaks.
type forwarder struct {
	config *rest.Config
	url    *rest.Request

	mu      sync.Mutex
	address string
	stop    chan struct{}
	ended   chan struct{} // nil or closed: there is none
}

// dial connects to the agent's control port.
func (f *forwarder) dial(ctx context.Context) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != nil {
		select {
		case <-f.ended:
			f.ended = nil
		default:
		}
	}
	if f.ended == nil {
		if err := f.open(ctx); err != nil {
			return nil, fmt.Errorf("forward a port to the agent: %w", err)
		}
	}
	return new(net.Dialer).DialContext(ctx, "tcp", f.address)
}

func (f *forwarder) open(ctx context.Context) error {
	dialer, err := f.dialer()
	if err != nil {
		return err
	}
	stop, ready, ended, result := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan error, 1)
	ports := []string{fmt.Sprintf("0:%d", agent.ControlPort)}
	forward, err := portforward.NewOnAddressesForStreaming(dialer, []string{"127.0.0.1"}, ports, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return err
	}
	go func() {
		result <- forward.ForwardPorts()
		close(ended)
	}()
	select {
	case <-ready:
	case err := <-result:
		return err
	case <-ctx.Done():
		close(stop)
		return ctx.Err()
	}
	opened, err := forward.GetPorts()
	if err != nil {
		close(stop)
		return err
	}
	f.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(int(opened[0].Local)))
	f.stop, f.ended = stop, ended
	return nil
}

// dialer speaks WebSocket, and SPDY to API servers and proxies that do not know it.
func (f *forwarder) dialer() (httpstream.Dialer, error) {
	config := rest.CopyConfig(f.config)
	transport, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, f.url.URL())
	recent, err := portforward.NewSPDYOverWebsocketDialerForStreaming(f.url.URL(), config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(recent, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

func (f *forwarder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended != nil {
		close(f.stop)
		<-f.ended
		f.ended = nil
	}
}

// probed waits for the results of all probes, and fails if a request failed.
func (s *site) probed(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	results, err := s.agent.StopProbes(ctx)
	if err != nil {
		return "", err
	}
	var told, failures []string
	for _, result := range results {
		told = append(told, fmt.Sprintf("%s %d sent, %d failed, slowest %s", result.Name, result.Sent, result.Failed, rounded(result.Slowest)))
		for _, failure := range result.Failures {
			failures = append(failures, result.Name+" at "+failure)
		}
	}
	if len(failures) > 0 {
		return "", fmt.Errorf("requests failed: %s\n%s", strings.Join(told, "; "), strings.Join(failures, "\n"))
	}
	return strings.Join(told, "; "), nil
}
