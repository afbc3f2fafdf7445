package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/hack/agent"
)

const (
	// hopelessRestarts is after how many crashes nobody waits any longer.
	hopelessRestarts = 3
	toldLines        = 20
	toldEvents       = 15
)

// podReady fails unless a pod is ready. It is hopeless if it cannot be any more.
func (s *site) podReady(ctx context.Context, namespace, name string) error {
	pod := &corev1.Pod{}
	if err := s.api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, pod); err != nil {
		return err
	}
	if err := trouble(pod, s.image); err != nil {
		return hopeless{err}
	}
	if !ready(pod) {
		return fmt.Errorf("the pod %s is not ready: %s", name, standing(pod))
	}
	return nil
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// standing is how far a pod is, in one line.
func standing(pod *corev1.Pod) string {
	words := []string{cmp.Or(string(pod.Status.Phase), "Pending")}
	for _, condition := range pod.Status.Conditions {
		if condition.Status != corev1.ConditionTrue && condition.Message != "" {
			words = append(words, condition.Message)
		}
	}
	for _, container := range pod.Status.ContainerStatuses {
		if waiting := container.State.Waiting; waiting != nil {
			words = append(words, strings.TrimSpace(waiting.Reason+" "+waiting.Message))
		}
		if container.RestartCount > 0 {
			words = append(words, fmt.Sprintf("%d restarts", container.RestartCount))
		}
	}
	return strings.Join(words, ", ")
}

// trouble is why a pod never gets ready, and what to do about it; nil: it may.
func trouble(pod *corev1.Pod, image string) error {
	for _, container := range pod.Status.ContainerStatuses {
		waiting, last := container.State.Waiting, container.LastTerminationState.Terminated
		if last == nil {
			last = container.State.Terminated
		}
		switch {
		case waiting == nil:
		case slices.Contains([]string{"ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageInspect"}, waiting.Reason):
			return fmt.Errorf("the image %s is not on the node %s (%s): load it, as with «make image-archive» and «kind load image-archive dist/partner-operator.tar», or name the one that is loaded with IMG=",
				image, pod.Spec.NodeName, waiting.Reason)
		case (waiting.Reason == "RunContainerError" || waiting.Reason == "CreateContainerError") && strings.Contains(waiting.Message, agent.Path),
			last != nil && strings.Contains(last.Message, agent.Path):
			return fmt.Errorf("the image %s holds no %s, which the test needs: make the image with «make image-archive» or «make docker-build»", image, agent.Path)
		case slices.Contains([]string{"RunContainerError", "CreateContainerError", "CreateContainerConfigError"}, waiting.Reason):
			return fmt.Errorf("the node %s cannot run the pod %s: %s: %s", pod.Spec.NodeName, pod.Name, waiting.Reason, waiting.Message)
		}
		if container.RestartCount >= hopelessRestarts {
			return fmt.Errorf("the pod %s has ended %d times", pod.Name, container.RestartCount)
		}
	}
	return nil
}

// rolledOut fails unless all pods of the operator are those of its Deployment as it is now, and ready.
func (s *site) rolledOut(ctx context.Context, namespace string) error {
	deployment := &appsv1.Deployment{}
	if err := s.api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: operatorName}, deployment); err != nil {
		return err
	}
	var pods corev1.PodList
	if err := s.api.List(ctx, &pods, client.InNamespace(namespace), client.MatchingLabels(deployment.Spec.Selector.MatchLabels)); err != nil {
		return err
	}
	if err := s.refusedPods(ctx, namespace); err != nil {
		return hopeless{err}
	}
	pods.Items = slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool { // as of pods that a node threw out
		return pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
	})
	for i := range pods.Items {
		if err := trouble(&pods.Items[i], s.image); err != nil {
			return hopeless{err}
		}
	}
	wanted, status := ptr.Deref(deployment.Spec.Replicas, 1), deployment.Status
	if status.ObservedGeneration < deployment.Generation || status.UpdatedReplicas != wanted || status.AvailableReplicas != wanted || len(pods.Items) != int(wanted) {
		told := []string{fmt.Sprintf("of %d pods wanted %d are new and %d available, and %d there", wanted, status.UpdatedReplicas, status.AvailableReplicas, len(pods.Items))}
		for i := range pods.Items {
			if !ready(&pods.Items[i]) {
				told = append(told, pods.Items[i].Name+" is "+standing(&pods.Items[i]))
			}
		}
		return errors.New(strings.Join(told, "; "))
	}
	return nil
}

// refusedPods fails if the API server turns the operator's pods away.
func (s *site) refusedPods(ctx context.Context, namespace string) error {
	var sets appsv1.ReplicaSetList
	if err := s.api.List(ctx, &sets, client.InNamespace(namespace)); err != nil {
		return nil //nolint:nilerror // It is asked again soon, and the rollout does not end without pods.
	}
	for _, set := range sets.Items {
		for _, condition := range set.Status.Conditions {
			if condition.Type == appsv1.ReplicaSetReplicaFailure && condition.Status == corev1.ConditionTrue && strings.Contains(condition.Message, "PodSecurity") {
				return fmt.Errorf("the pods of %s are turned away, they do not satisfy the restricted profile: %s", set.Name, condition.Message)
			}
		}
	}
	return nil
}

// tell is an error with what a person would look at: the pods of a namespace, the ends of their logs, and the latest
// events.
func (s *site) tell(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var told []string
	var pods corev1.PodList
	if err := s.api.List(ctx, &pods, client.InNamespace(namespace)); err != nil {
		return err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		told = append(told, "pod "+pod.Name+": "+standing(pod))
		for _, container := range pod.Status.ContainerStatuses {
			if container.State.Waiting != nil && container.RestartCount == 0 {
				continue // It has printed nothing.
			}
			options := &corev1.PodLogOptions{Container: container.Name, TailLines: ptr.To[int64](toldLines), Previous: container.RestartCount > 0}
			log, err := s.objects.CoreV1().Pods(namespace).GetLogs(pod.Name, options).DoRaw(ctx)
			if err != nil {
				log = []byte("(no log: " + err.Error() + ")")
			}
			told = append(told, "  "+strings.ReplaceAll(strings.TrimSpace(string(log)), "\n", "\n  "))
		}
	}
	var events corev1.EventList
	if err := s.api.List(ctx, &events, client.InNamespace(namespace)); err != nil {
		return err
	}
	slices.SortFunc(events.Items, func(a, b corev1.Event) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for _, event := range events.Items[max(0, len(events.Items)-toldEvents):] {
		told = append(told, fmt.Sprintf("event %s %s/%s: %s", event.Reason, event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Message))
	}
	return errors.New("in the namespace " + namespace + ":\n" + strings.Join(told, "\n"))
}
