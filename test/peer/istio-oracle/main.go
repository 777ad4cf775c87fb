// Command pilot asks Istio itself: one JSON request a line on standard input, one JSON answer a line on standard output.
//
//	{"id":"a","do":"validate","yaml":"..."}             -> {"id":"a","verdicts":[{"doc":0,"valid":true}]}
//	{"id":"b","do":"generate","yaml":"...","world":{}}  -> {"id":"b","routes":{"80":{}},"clusters":[],"managers":{},"endpoints":{}}
//
// validate does what istioctl validate does for each document. generate is pilot's output for the proxy of the world
// (`case.json` of the conformance corpus): route configurations by listener port, clusters, HTTP connection managers.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pilot/pkg/features"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"
	"istio.io/istio/pilot/pkg/xds/endpoints"
	"istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/protocol"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/test"
	"istio.io/istio/pkg/wellknown"
)

type world struct {
	Proxy struct {
		Type, Namespace string
		Labels          map[string]string
	}
	Services []struct {
		Host, Namespace string
		// Of a Kubernetes Service of type ExternalName, as its registry makes one.
		ExternalName string
		// A Kubernetes Service with clusterIP None.
		Headless bool
		Ports    []struct {
			Name     string
			Number   int
			Protocol string
		}
		Endpoints []struct {
			Name   string
			Labels map[string]string
		}
	}
	MeshConfig json.RawMessage
}

type request struct {
	ID    string `json:"id"`
	Do    string `json:"do"`
	YAML  string `json:"yaml"`
	World world  `json:"world"`
}

type verdict struct {
	Doc     int    `json:"doc"`
	Kind    string `json:"kind,omitempty"`
	Name    string `json:"name,omitempty"`
	Valid   bool   `json:"valid"`
	Stage   string `json:"stage,omitempty"`
	Error   string `json:"error,omitempty"`
	Warning string `json:"warning,omitempty"`
}

type answer struct {
	ID        string                     `json:"id"`
	Error     string                     `json:"error,omitempty"`
	Verdicts  []verdict                  `json:"verdicts,omitempty"`
	Routes    map[string]json.RawMessage `json:"routes,omitempty"`
	Clusters  []json.RawMessage          `json:"clusters,omitempty"`
	Managers  map[string]json.RawMessage `json:"managers,omitempty"`
	Endpoints map[string][]string        `json:"endpoints,omitempty"`
	// Of a gateway's servers with TLS, by their keys in Routes, the names in a client's TLS that choose them.
	ServerNames map[string][]string `json:"serverNames,omitempty"`
}

func main() {
	for _, s := range log.Scopes() {
		s.SetOutputLevel(log.NoneLevel)
	}
	// A stock Envoy has no such filter.
	features.MetadataExchange = false
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var r request
			a := answer{}
			if e := json.Unmarshal(line, &r); e != nil {
				a.Error = e.Error()
			} else if r.Do == "validate" {
				a.Verdicts = validate(r.YAML)
			} else if e := generate(r, &a); e != nil {
				a.Error = e.Error()
			}
			a.ID = r.ID
			b, _ := json.Marshal(a)
			out.Write(b)
			out.WriteByte('\n')
			out.Flush()
		}
		if err != nil {
			return
		}
	}
}

var validFields = map[string]bool{"apiVersion": true, "kind": true, "metadata": true, "spec": true, "status": true}

func validate(text string) []verdict {
	reader := kubeyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	var verdicts []verdict
	for doc := 0; ; {
		raw, err := reader.Read()
		if err == io.EOF {
			return verdicts
		}
		if err != nil {
			return append(verdicts, verdict{Doc: doc, Stage: "yaml", Error: err.Error()})
		}
		if len(raw) == 0 {
			continue
		}
		v := verdict{Doc: doc}
		doc++
		object := map[string]any{}
		if err := yaml.UnmarshalStrict(raw, &object); err != nil {
			v.Stage, v.Error = "yaml", err.Error()
			// Like istioctl: the rest of the file is not read.
			return append(verdicts, v)
		}
		verdicts = append(verdicts, one(v, object))
	}
}

func one(v verdict, object map[string]any) (result verdict) {
	result = v
	defer func() {
		if p := recover(); p != nil {
			result.Valid, result.Stage, result.Error = false, "panic", fmt.Sprint(p)
		}
	}()
	un := unstructured.Unstructured{Object: object}
	gvk := un.GroupVersionKind()
	result.Kind, result.Name = gvk.Kind, un.GetName()
	schema, exists := collections.Pilot.FindByGroupVersionAliasesKind(config.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind})
	if !exists {
		result.Valid, result.Stage = true, "unknown-kind"
		return
	}
	js, err := json.Marshal(object["spec"])
	if err != nil {
		result.Stage, result.Error = "parse", err.Error()
		return
	}
	spec, err := schema.NewInstance()
	if err == nil {
		err = config.ApplyJSONStrict(spec, string(js))
	}
	if err != nil {
		result.Stage, result.Error = "parse", err.Error()
		return
	}
	cfg := config.Config{
		Meta: config.Meta{
			GroupVersionKind: schema.GroupVersionKind(), Name: un.GetName(), Namespace: un.GetNamespace(),
			Labels: un.GetLabels(), Annotations: un.GetAnnotations(), ResourceVersion: un.GetResourceVersion(),
			CreationTimestamp: un.GetCreationTimestamp().Time,
		},
		Spec: spec,
	}
	for key := range object {
		if !validFields[key] {
			result.Stage, result.Error = "fields", "unknown field "+key
			return
		}
	}
	if cfg.Namespace == "" {
		cfg.Namespace = metav1.NamespaceDefault
	}
	warning, err := schema.ValidateConfig(cfg)
	if warning != nil {
		result.Warning = warning.Error()
	}
	if err != nil {
		result.Stage, result.Error = "validate", err.Error()
		return
	}
	result.Valid = true
	return
}

var recordedAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func configs(text string) ([]config.Config, error) {
	reader := kubeyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	var all []config.Config
	for {
		raw, err := reader.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		object := map[string]any{}
		if err := yaml.Unmarshal(raw, &object); err != nil {
			return nil, err
		}
		if len(object) == 0 {
			continue
		}
		un := unstructured.Unstructured{Object: object}
		gvk := un.GroupVersionKind()
		schema, exists := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(config.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind})
		if !exists {
			return nil, fmt.Errorf("unknown kind %v", gvk)
		}
		js, err := json.Marshal(object["spec"])
		if err != nil {
			return nil, err
		}
		spec, err := schema.NewInstance()
		if err != nil {
			return nil, err
		}
		if err := config.ApplyJSON(spec, string(js)); err != nil {
			return nil, err
		}
		c := config.Config{
			Meta: config.Meta{
				GroupVersionKind: schema.GroupVersionKind(), Name: un.GetName(), Namespace: un.GetNamespace(), Domain: "cluster.local",
				Labels: un.GetLabels(), Annotations: un.GetAnnotations(), CreationTimestamp: un.GetCreationTimestamp().Time,
			},
			Spec: spec,
		}
		if c.Namespace == "" {
			c.Namespace = "default"
		}
		if c.CreationTimestamp.IsZero() {
			c.CreationTimestamp = recordedAt
		}
		all = append(all, c)
	}
}

func generate(r request, a *answer) error {
	all, err := configs(r.YAML)
	if err != nil {
		return err
	}
	meshConfig := mesh.DefaultMeshConfig()
	if len(r.World.MeshConfig) > 0 && string(r.World.MeshConfig) != "null" {
		meshConfig, err = mesh.ApplyMeshConfig(string(r.World.MeshConfig), meshConfig)
		if err != nil {
			return err
		}
	}
	// Connections in clear: a stock Envoy has no certificates.
	meshConfig.EnableAutoMtls = wrapperspb.Bool(false)
	var services []*model.Service
	var instances []*model.ServiceInstance
	names := map[string]string{}
	for i, s := range r.World.Services {
		service := &model.Service{
			Hostname: host.Name(s.Host), DefaultAddress: fmt.Sprintf("10.96.0.%d", 10+i), Resolution: model.ClientSideLB,
			CreationTime: recordedAt,
			Attributes: model.ServiceAttributes{
				ServiceRegistry: provider.Kubernetes, Name: strings.Split(s.Host, ".")[0], Namespace: s.Namespace,
			},
		}
		if s.Headless {
			service.Resolution, service.DefaultAddress = model.Passthrough, constants.UnspecifiedIP
		}
		if s.ExternalName != "" {
			service.Resolution, service.DefaultAddress, service.MeshExternal = model.Alias, constants.UnspecifiedIP, true
			service.Attributes.ExternalName = s.ExternalName
		}
		for _, p := range s.Ports {
			service.Ports = append(service.Ports, &model.Port{Name: p.Name, Port: p.Number, Protocol: protocol.Parse(p.Protocol)})
		}
		services = append(services, service)
		for j, e := range s.Endpoints {
			address := fmt.Sprintf("10.97.%d.%d", i, j+1)
			names[address] = e.Name
			for _, p := range service.Ports {
				instances = append(instances, &model.ServiceInstance{
					Service: service, ServicePort: p,
					Endpoint: &model.IstioEndpoint{
						Addresses: []string{address}, ServicePortName: p.Name, EndpointPort: uint32(p.Port), Labels: e.Labels,
						Namespace: s.Namespace,
					},
				})
			}
		}
	}
	return test.Wrap(func(t test.Failer) {
		g := core.NewConfigGenTest(t, core.TestOptions{Configs: all, Services: services, Instances: instances, MeshConfig: meshConfig})
		proxy := &model.Proxy{
			Type: model.SidecarProxy, ConfigNamespace: r.World.Proxy.Namespace, Labels: r.World.Proxy.Labels, IPAddresses: []string{"10.98.0.1"},
			ID: "proxy." + r.World.Proxy.Namespace, DNSDomain: r.World.Proxy.Namespace + ".svc." + constants.DefaultClusterLocalDomain,
			Metadata: &model.NodeMetadata{
				IstioVersion: "1.31.0", Namespace: r.World.Proxy.Namespace, Labels: r.World.Proxy.Labels, ClusterID: cluster.ID(provider.Mock),
			},
		}
		if r.World.Proxy.Type == "router" {
			proxy.Type = model.Router
		}
		proxy = g.SetupProxy(proxy)
		listeners := g.Listeners(proxy)
		a.Routes, a.Managers, a.Endpoints = map[string]json.RawMessage{}, map[string]json.RawMessage{}, map[string][]string{}
		a.ServerNames = map[string][]string{}
		ports := map[string]string{}
		for _, l := range listeners {
			if l.GetTrafficDirection().String() == "INBOUND" && proxy.Type == model.SidecarProxy {
				continue
			}
			for _, chain := range l.FilterChains {
				for _, filter := range chain.Filters {
					if filter.Name != wellknown.HTTPConnectionManager {
						continue
					}
					h := &hcm.HttpConnectionManager{}
					if err := filter.GetTypedConfig().UnmarshalTo(h); err != nil {
						t.Fatal(err)
					}
					if h.GetRds() == nil {
						continue
					}
					port := fmt.Sprint(l.GetAddress().GetSocketAddress().GetPortValue())
					if proxy.Type == model.Router && chain.GetTransportSocket() != nil {
						port += "/" + h.GetRds().GetRouteConfigName()
						a.ServerNames[port] = chain.GetFilterChainMatch().GetServerNames()
					}
					ports[h.GetRds().GetRouteConfigName()] = port
					a.Managers[port] = marshal(h)
				}
			}
		}
		for _, rc := range g.RoutesFromListeners(proxy, listeners) {
			if port, ok := ports[rc.Name]; ok {
				a.Routes[port] = marshal(rc)
			}
		}
		for _, c := range g.Clusters(proxy) {
			a.Clusters = append(a.Clusters, marshal(c))
			if c.GetType() == clusterv3.Cluster_EDS {
				b := endpoints.NewEndpointBuilder(c.Name, proxy, g.PushContext())
				load := b.BuildClusterLoadAssignment(g.Env().EndpointIndex)
				list := []string{}
				for _, locality := range load.GetEndpoints() {
					for _, e := range locality.GetLbEndpoints() {
						socket := e.GetEndpoint().GetAddress().GetSocketAddress()
						name, ok := names[socket.GetAddress()]
						if !ok {
							name = fmt.Sprintf("%s:%d", socket.GetAddress(), socket.GetPortValue())
						}
						list = append(list, name)
					}
				}
				a.Endpoints[c.Name] = list
			}
		}
	})
}

func marshal(m proto.Message) json.RawMessage {
	b, err := protojson.MarshalOptions{}.Marshal(m)
	if err != nil {
		b, _ = json.Marshal(err.Error())
	}
	return b
}
