package main

// A controller-runtime manager with a kind of its own: CRD, cache, owned objects, finalizer, status, leader election.

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

func init() {
	log.SetLogger(klog.Background())
	stories["controller-runtime"] = managerStory
}

const theFinalizer = "clients.example.com/held"

var botKind = schema.GroupVersionKind{Group: "clients.example.com", Version: "v1", Kind: "Bot"}

func botCRD() *apiext.CustomResourceDefinition {
	yes := true
	return &apiext.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "bots.clients.example.com"},
		Spec: apiext.CustomResourceDefinitionSpec{
			Group: botKind.Group, Scope: apiext.NamespaceScoped,
			Names: apiext.CustomResourceDefinitionNames{Plural: "bots", Singular: "bot", Kind: "Bot", ListKind: "BotList"},
			Versions: []apiext.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Subresources: &apiext.CustomResourceSubresources{Status: &apiext.CustomResourceSubresourceStatus{}},
				Schema: &apiext.CustomResourceValidation{OpenAPIV3Schema: &apiext.JSONSchemaProps{
					Type: "object",
					Properties: map[string]apiext.JSONSchemaProps{
						"spec":   {Type: "object", Properties: map[string]apiext.JSONSchemaProps{"word": {Type: "string"}}},
						"status": {Type: "object", XPreserveUnknownFields: &yes},
					},
				}},
			}},
		},
	}
}

// reconciler keeps a ConfigMap for each Bot, and counts in the status how often it looked.
type reconciler struct{ client.Client }

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	bot := newBot("")
	if err := r.Get(ctx, request.NamespacedName, bot); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if bot.GetDeletionTimestamp() != nil {
		if controllerutil.RemoveFinalizer(bot, theFinalizer) {
			return ctrl.Result{}, r.Update(ctx, bot)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(bot, theFinalizer) {
		return ctrl.Result{}, r.Update(ctx, bot)
	}
	word, _, _ := unstructured.NestedString(bot.Object, "spec", "word")
	twin := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: bot.GetName(), Namespace: bot.GetNamespace()}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, twin, func() error {
		twin.Data = map[string]string{"word": word}
		return controllerutil.SetControllerReference(bot, twin, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	before := bot.DeepCopy()
	if err := unstructured.SetNestedField(bot.Object, word, "status", "said"); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.Status().Patch(ctx, bot, client.MergeFrom(before))
}

func newBot(word string) *unstructured.Unstructured {
	bot := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"word": word}}}
	bot.SetGroupVersionKind(botKind)
	return bot
}

func managerStory(ctx context.Context, config *rest.Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := envtest.InstallCRDs(config, envtest.CRDInstallOptions{
		CRDs: []*apiext.CustomResourceDefinition{botCRD()}, MaxTime: 20 * time.Second, PollInterval: 50 * time.Millisecond})
	if err != nil {
		return fmt.Errorf("the CRD: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		LeaderElection: true, LeaderElectionID: "bots", LeaderElectionNamespace: "default", LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).For(newBot("")).Owns(&corev1.ConfigMap{}).Complete(&reconciler{manager.GetClient()})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	if !manager.GetCache().WaitForCacheSync(ctx) {
		return errors.New("the cache never synced")
	}
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	bot := newBot("hello")
	bot.SetName("one")
	bot.SetNamespace("default")
	if err := direct.Create(ctx, bot); err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(bot)
	twin := &corev1.ConfigMap{}
	said := func(word string) func() bool {
		return func() bool {
			if direct.Get(ctx, key, twin) != nil || direct.Get(ctx, key, bot) != nil {
				return false
			}
			heard, _, _ := unstructured.NestedString(bot.Object, "status", "said")
			return twin.Data["word"] == word && heard == word
		}
	}
	if err := until(ctx, "a twin", said("hello")); err != nil {
		return err
	}
	if err := direct.Delete(ctx, twin); err != nil {
		return err
	}
	if err := until(ctx, "a new twin", said("hello")); err != nil {
		return err
	}
	patch := client.MergeFrom(bot.DeepCopy())
	if err := unstructured.SetNestedField(bot.Object, "bye", "spec", "word"); err != nil {
		return err
	}
	if err := direct.Patch(ctx, bot, patch); err != nil {
		return err
	}
	if err := until(ctx, "the new word", said("bye")); err != nil {
		return err
	}
	applied := newBot("applied")
	applied.SetName("one")
	applied.SetNamespace("default")
	err = direct.Apply(ctx, client.ApplyConfigurationFromUnstructured(applied), client.FieldOwner("me"), client.ForceOwnership)
	if err != nil {
		return err
	}
	if err := until(ctx, "the applied word", said("applied")); err != nil {
		return err
	}
	if err := direct.Delete(ctx, bot); err != nil {
		return err
	}
	err = until(ctx, "bot and twin are gone", func() bool {
		return apierrors.IsNotFound(direct.Get(ctx, key, bot)) && apierrors.IsNotFound(direct.Get(ctx, key, twin))
	})
	if err != nil {
		return err
	}
	cancel()
	if err := <-ended; err != nil {
		return fmt.Errorf("the manager: %w", err)
	}
	return nil
}
