// Package plugins takes the place of Prometheus' list of discovery mechanisms, which has those of all clouds. Files and
// HTTP are always there.
package plugins

import (
	_ "github.com/prometheus/prometheus/discovery/dns"        // Register dns plugin.
	_ "github.com/prometheus/prometheus/discovery/kubernetes" // Register kubernetes plugin.
)
