package main

// Informers, leader election, apply configurations, typed, dynamic and metadata clients, logs.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/client-go/util/retry"
)

func init() {
	stories["informers"] = informersStory
	stories["leader-election"] = leaderStory
	stories["apply-configurations"] = applyStory
	stories["dynamic"] = dynamicStory
	stories["protobuf"] = func(ctx context.Context, config *rest.Config) error {
		config.ContentType = "application/vnd.kubernetes.protobuf"
		config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
		return typedStory(ctx, config, "proto")
	}
	stories["typed"] = func(ctx context.Context, config *rest.Config) error { return typedStory(ctx, config, "typed") }
	stories["logs"] = logsStory
}

func until(ctx context.Context, what string, holds func() bool) error {
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("never: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"a": "1"}}
}

func informersStory(ctx context.Context, config *rest.Config) error {
	client := kubernetes.NewForConfigOrDie(config)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	factory := informers.NewSharedInformerFactoryWithOptions(client, 2*time.Second, informers.WithNamespace("default"))
	var added, updated, resynced, deleted atomic.Int32
	maps := factory.Core().V1().ConfigMaps()
	_, err := maps.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { added.Add(1) },
		UpdateFunc: func(old, new any) {
			if old.(*corev1.ConfigMap).ResourceVersion == new.(*corev1.ConfigMap).ResourceVersion {
				resynced.Add(1)
			} else {
				updated.Add(1)
			}
		},
		DeleteFunc: func(any) { deleted.Add(1) },
	})
	if err != nil {
		return err
	}
	pods := factory.Core().V1().Pods().Informer()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), maps.Informer().HasSynced, pods.HasSynced) {
		return errors.New("the caches never synced")
	}
	before := added.Load()
	api := client.CoreV1().ConfigMaps("default")
	if _, err := api.Create(ctx, configMap("informed"), metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := until(ctx, "added", func() bool { return added.Load() == before+1 }); err != nil {
		return err
	}
	_, err = api.Patch(ctx, "informed", types.StrategicMergePatchType, []byte(`{"data":{"b":"2"}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	if err := until(ctx, "updated", func() bool { return updated.Load() == 1 }); err != nil {
		return err
	}
	if err := until(ctx, "resynced", func() bool { return resynced.Load() > 0 }); err != nil {
		return err
	}
	if _, err := maps.Lister().ConfigMaps("default").Get("informed"); err != nil {
		return err
	}
	if err := api.Delete(ctx, "informed", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return until(ctx, "deleted", func() bool { return deleted.Load() == 1 })
}

func leaderStory(ctx context.Context, config *rest.Config) error {
	client := kubernetes.NewForConfigOrDie(config)
	leads := make(chan string, 2)
	candidate := func(ctx context.Context, name string) {
		lock, err := resourcelock.New(resourcelock.LeasesResourceLock, "default", "the-lease", client.CoreV1(), client.CoordinationV1(), resourcelock.ResourceLockConfig{Identity: name})
		if err != nil {
			panic(err)
		}
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 500 * time.Millisecond,
			Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { leads <- name }, OnStoppedLeading: func() {}},
		})
	}
	first, stopFirst := context.WithCancel(ctx)
	second, stopSecond := context.WithCancel(ctx)
	defer stopSecond()
	defer stopFirst()
	go candidate(first, "one")
	if got := <-leads; got != "one" {
		return fmt.Errorf("%s leads", got)
	}
	go candidate(second, "two")
	select {
	case got := <-leads:
		return fmt.Errorf("%s leads, too", got)
	case <-time.After(2 * time.Second):
	}
	stopFirst()
	select {
	case <-ctx.Done():
		return errors.New("nobody took over")
	case <-leads:
	}
	lease, err := client.CoordinationV1().Leases("default").Get(ctx, "the-lease", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if *lease.Spec.HolderIdentity != "two" || *lease.Spec.LeaseTransitions != 1 {
		return fmt.Errorf("the lease says %s, %d", *lease.Spec.HolderIdentity, *lease.Spec.LeaseTransitions)
	}
	return nil
}

func applyStory(ctx context.Context, config *rest.Config) error {
	client := kubernetes.NewForConfigOrDie(config)
	deployment := func(replicas int32, image string) *applyapps.DeploymentApplyConfiguration {
		labels := map[string]string{"app": "applied"}
		return applyapps.Deployment("applied", "default").WithSpec(applyapps.DeploymentSpec().
			WithReplicas(replicas).
			WithSelector(applymeta.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(applycore.PodTemplateSpec().WithLabels(labels).WithSpec(applycore.PodSpec().
				WithContainers(applycore.Container().WithName("c").WithImage(image)))))
	}
	api := client.AppsV1().Deployments("default")
	if _, err := api.Apply(ctx, deployment(2, "one"), metav1.ApplyOptions{FieldManager: "mine"}); err != nil {
		return err
	}
	_, err := api.Apply(ctx, deployment(3, "one"), metav1.ApplyOptions{FieldManager: "yours"})
	if !apierrors.IsConflict(err) {
		return fmt.Errorf("a conflict gave %v", err)
	}
	if _, err := api.Apply(ctx, deployment(3, "one"), metav1.ApplyOptions{FieldManager: "yours", Force: true}); err != nil {
		return err
	}
	found, err := api.Get(ctx, "applied", metav1.GetOptions{})
	if err != nil {
		return err
	}
	mine, err := applyapps.ExtractDeployment(found, "mine")
	if err != nil {
		return err
	}
	if mine.Spec.Replicas != nil || len(mine.Spec.Template.Spec.Containers) != 1 {
		return fmt.Errorf("extracted %v", mine.Spec)
	}
	status := applyapps.Deployment("applied", "default").WithStatus(applyapps.DeploymentStatus().WithObservedGeneration(99))
	if _, err := api.ApplyStatus(ctx, status, metav1.ApplyOptions{FieldManager: "status", Force: true}); err != nil {
		return err
	}
	scale, err := api.GetScale(ctx, "applied", metav1.GetOptions{})
	if err != nil {
		return err
	}
	scale.Spec.Replicas = 1
	if _, err := api.UpdateScale(ctx, "applied", scale, metav1.UpdateOptions{}); err != nil {
		return err
	}
	return until(ctx, "one replica is ready", func() bool {
		found, err := api.Get(ctx, "applied", metav1.GetOptions{})
		return err == nil && found.Status.ReadyReplicas == 1 && found.Status.Replicas == 1
	})
}

func typedStory(ctx context.Context, config *rest.Config, name string) error {
	client := kubernetes.NewForConfigOrDie(config)
	api := client.CoreV1().ConfigMaps("default")
	made, err := api.Create(ctx, configMap(name), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if made.UID == "" || made.Data["a"] != "1" {
		return fmt.Errorf("made %v", made)
	}
	if _, err := api.Create(ctx, configMap(name), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("made twice: %v", err)
	}
	watch, err := api.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name, ResourceVersion: made.ResourceVersion})
	if err != nil {
		return err
	}
	defer watch.Stop()
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		found, err := api.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		found.Data["b"] = "2"
		_, err = api.Update(ctx, found, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	if event := <-watch.ResultChan(); event.Type != "MODIFIED" || event.Object.(*corev1.ConfigMap).Data["b"] != "2" {
		return fmt.Errorf("event %v", event)
	}
	if _, err := api.Update(ctx, made, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("an old version was taken: %v", err)
	}
	seconds := int64(3600)
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil || len(nodes.Items) != 1 || nodes.Continue == "" {
		return fmt.Errorf("nodes: %v %v", nodes, err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-"}, Spec: corev1.PodSpec{
		TerminationGracePeriodSeconds: &seconds, Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
	created, err := client.CoreV1().Pods("default").Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	selector := fields.OneTermEqualSelector("metadata.name", created.Name)
	watcher := cache.NewListWatchFromClient(client.CoreV1().RESTClient(), "pods", "default", selector)
	event, err := watchtools.UntilWithSync(ctx, watcher, &corev1.Pod{}, nil, func(event apiwatch.Event) (bool, error) {
		return event.Object.(*corev1.Pod).Status.Phase == corev1.PodRunning, nil
	})
	if err != nil || event == nil {
		return fmt.Errorf("the pod: %v", err)
	}
	zero := int64(0)
	if err := client.CoreV1().Pods("default").Delete(ctx, created.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero}); err != nil {
		return err
	}
	_, err = client.CoreV1().Pods("default").Get(ctx, created.Name, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleted: %v", err)
	}
	return api.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
}

func dynamicStory(ctx context.Context, config *rest.Config) error {
	client := kubernetes.NewForConfigOrDie(config)
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "apps", Kind: "Deployment"})
	if err != nil {
		return err
	}
	api := dynamic.NewForConfigOrDie(config).Resource(mapping.Resource).Namespace("default")
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "dynamic"},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app": "dynamic"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "dynamic"}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}},
			},
		},
	}}
	if _, err := api.Apply(ctx, "dynamic", object, metav1.ApplyOptions{FieldManager: "dynamic"}); err != nil {
		return err
	}
	meta := metadata.NewForConfigOrDie(config).Resource(mapping.Resource).Namespace("default")
	found, err := meta.Get(ctx, "dynamic", metav1.GetOptions{})
	if err != nil || found.Name != "dynamic" {
		return fmt.Errorf("metadata: %v %v", found, err)
	}
	policy := metav1.DeletePropagationForeground
	if err := api.Delete(ctx, "dynamic", metav1.DeleteOptions{PropagationPolicy: &policy}); err != nil {
		return err
	}
	return until(ctx, "deleted", func() bool {
		_, err := api.Get(ctx, "dynamic", metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	})
}

func logsStory(ctx context.Context, config *rest.Config) error {
	client := kubernetes.NewForConfigOrDie(config)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "talker"}, Spec: corev1.PodSpec{RestartPolicy: "Never",
		Containers: []corev1.Container{{Name: "c", Image: "busybox", Command: []string{"sh", "-c", "echo one; sleep 5; echo two"}}}}}
	api := client.CoreV1().Pods("default")
	if _, err := api.Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return err
	}
	err := until(ctx, "running", func() bool {
		found, err := api.Get(ctx, "talker", metav1.GetOptions{})
		return err == nil && found.Status.Phase == corev1.PodRunning
	})
	if err != nil {
		return err
	}
	stream, err := api.GetLogs("talker", &corev1.PodLogOptions{Follow: true}).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	if err != nil || string(text) != "one\ntwo\n" {
		return fmt.Errorf("the log: %q %v", text, err)
	}
	return nil
}
