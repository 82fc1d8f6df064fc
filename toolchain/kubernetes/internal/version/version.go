// Package version says which Kubernetes this binary was built from.
package version

import componentversion "k8s.io/component-base/version"

// Kubernetes is the version that the API server reports, for example v1.34.3+plonk1.
func Kubernetes() string { return componentversion.Get().GitVersion }
