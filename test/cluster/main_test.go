package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestImageParts(t *testing.T) {
	for image, want := range map[string]string{
		"partner-operator:latest":               "partner-operator latest",
		"registry:5000/acme/partner-operator:1": "registry:5000/acme/partner-operator 1",
		"localhost/partner-operator:dev":        "localhost/partner-operator dev",
		"partner-operator":                      "",
		"registry:5000/acme/partner-operator":   "",
		"partner-operator@sha256:0123":          "",
	} {
		repository, tag, err := imageParts(image)
		if got := strings.TrimSpace(repository + " " + tag); got != want || (err == nil) != (want != "") {
			t.Errorf("%s is %q, %v, want %q", image, got, err, want)
		}
	}
}

func TestWhyAPodNeverGetsReady(t *testing.T) {
	waits := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	ended := func(message string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "StartError", Message: message}}
	}
	for name, test := range map[string]struct {
		is   corev1.ContainerStatus
		want string
	}{
		"it is being made":              {corev1.ContainerStatus{State: waits("ContainerCreating", "")}, ""},
		"it has crashed once":           {corev1.ContainerStatus{State: waits("CrashLoopBackOff", ""), RestartCount: 1}, ""},
		"it crashes":                    {corev1.ContainerStatus{State: waits("CrashLoopBackOff", ""), RestartCount: 3}, "has ended 3 times"},
		"the image is missing":          {corev1.ContainerStatus{State: waits("ErrImageNeverPull", "")}, "is not on the node n1 (ErrImageNeverPull): load it"},
		"the image cannot be pulled":    {corev1.ContainerStatus{State: waits("ImagePullBackOff", "")}, "is not on the node n1 (ImagePullBackOff): load it"},
		"a ConfigMap is missing":        {corev1.ContainerStatus{State: waits("CreateContainerConfigError", `configmap "x" not found`)}, `configmap "x" not found`},
		"the image holds no agent":      {corev1.ContainerStatus{State: waits("RunContainerError", `exec: "/e2e/agent": no such file`)}, "holds no /e2e/agent"},
		"it held none at the last time": {corev1.ContainerStatus{State: waits("CrashLoopBackOff", ""), LastTerminationState: ended(`exec: "/e2e/agent": no such file`)}, "holds no /e2e/agent"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Spec: corev1.PodSpec{NodeName: "n1"}, Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{test.is}}}
			err := trouble(pod, "partner-operator:latest")
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v, want %q", err, test.want)
			}
		})
	}
}
