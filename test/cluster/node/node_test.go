//go:build linux

package node

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func TestTail(t *testing.T) {
	for _, test := range []struct{ text, lines, want string }{
		{"a\nb\nc\n", "2", "b\nc\n"},
		{"a\nb\nc\n", "3", "a\nb\nc\n"},
		{"a\nb\nc\n", "9", "a\nb\nc\n"},
		{"a\nb\nc\n", "", "a\nb\nc\n"},
		{"", "1", ""},
	} {
		if got := string(tail([]byte(test.text), test.lines)); got != test.want {
			t.Errorf("the last %s lines of %q are %q, want %q", test.lines, test.text, got, test.want)
		}
	}
}

func TestWhereAServiceLeads(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "portal"}}
	endpoint := func(address string, ready, serving, terminating bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating}}
	}
	first, second := endpoint("10.0.0.1", true, true, false), endpoint("10.0.0.2", true, true, false)
	starting, ending, ended := endpoint("10.0.0.3", false, false, false), endpoint("10.0.0.4", false, true, true), endpoint("10.0.0.5", false, false, true)
	for name, test := range map[string]struct {
		endpoints []discoveryv1.Endpoint
		of        string
		want      []string
	}{
		"to the pods that are ready":               {[]discoveryv1.Endpoint{first, starting, second, ending}, "portal", []string{"10.0.0.1:8080", "10.0.0.2:8080"}},
		"without them to those that serve and end": {[]discoveryv1.Endpoint{starting, ending, ended}, "portal", []string{"10.0.0.4:8080"}},
		"else nowhere":                             {[]discoveryv1.Endpoint{starting, ended}, "portal", nil},
		"not to the pods of another Service":       {[]discoveryv1.Endpoint{first}, "other", nil},
	} {
		t.Run(name, func(t *testing.T) {
			slice := discoveryv1.EndpointSlice{
				ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Labels: map[string]string{discoveryv1.LabelServiceName: test.of}},
				Endpoints:  test.endpoints,
				Ports:      []discoveryv1.EndpointPort{{Name: ptr.To("metrics"), Port: ptr.To[int32](8443)}, {Name: ptr.To("http"), Port: ptr.To[int32](8080)}},
			}
			if got := backends(service, "http", []discoveryv1.EndpointSlice{slice}); !slices.Equal(got, test.want) {
				t.Errorf("it leads to %q, want %q", got, test.want)
			}
		})
	}
}
