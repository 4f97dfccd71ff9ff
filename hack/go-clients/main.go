// Command clients drives the cluster of KUBECONFIG with client-go and controller-runtime, story by story (all, or those
// named), and says of each what did not go as on a real one. Exit code 1 if there was anything.
package main

import (
	"context"
	"fmt"
	"os"
	"sort"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// stories by name; each file adds its own.
var stories = map[string]func(context.Context, *rest.Config) error{}

func main() {
	klog.SetOutput(os.Stderr)
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	names := os.Args[1:]
	if len(names) == 0 {
		for name := range stories {
			names = append(names, name)
		}
		sort.Strings(names)
	}
	failed := false
	for _, name := range names {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := stories[name](ctx, rest.CopyConfig(config))
		cancel()
		if err != nil {
			failed = true
			fmt.Printf("%s: %v\n", name, err)
		} else {
			fmt.Printf("%s: ok\n", name)
		}
	}
	if failed {
		os.Exit(1)
	}
}
