/**
 * The schemas by which a Kubernetes API server checks Istio's resources: one node a line, children by line
 * number. Made by `bun test/conformance/crd-schema.ts`; do not edit.
 * Source: istio.io/istio manifests/charts/base/files/crd-all.gen.yaml (Apache-2.0)
 */

/** Line of each kind's root. */
export const CRD_ROOTS: Readonly<Record<string, number>> = {
  DestinationRule: 63,
  Gateway: 74,
  ServiceEntry: 96,
  VirtualService: 138,
  WorkloadEntry: 139,
};

/** JSON, a node a line. */
export const CRD_NODES = String.raw`{"type":"string"}
{"items":0,"type":"array"}
{"additionalProperties":0,"type":"object"}
{"enum":["DEFAULT","DO_NOT_UPGRADE","UPGRADE"],"type":"string"}
{"format":"int32","type":"integer"}
{"type":"string","x-kubernetes-validations":[{"message":"must be a valid duration greater than 1ms","rule":"duration(self) >= duration('1ms')"}]}
{"properties":{"interval":5,"timeout":5},"type":"object"}
{"type":"boolean"}
{"properties":{"h2UpgradePolicy":3,"http1MaxPendingRequests":4,"http2KeepAlive":6,"http2MaxRequests":4,"idleTimeout":5,"maxConcurrentStreams":4,"maxRequestsPerConnection":4,"maxRetries":4,"useClientProtocol":7},"type":"object"}
{"maximum":4294967295,"minimum":0,"type":"integer"}
{"properties":{"interval":5,"probes":9,"time":5},"type":"object"}
{"properties":{"connectTimeout":5,"idleTimeout":0,"maxConnectionDuration":5,"maxConnections":4,"tcpKeepalive":10},"type":"object"}
{"properties":{"http":8,"tcp":11},"type":"object"}
{"properties":{"name":0,"value":0},"required":["name"],"type":"object"}
{"items":13,"type":"array"}
{"properties":{"attributes":14,"name":0,"path":0,"ttl":0},"required":["name"],"type":"object"}
{"minimum":0,"type":"integer"}
{"properties":{"tableSize":16},"type":"object"}
{"properties":{"minimumRingSize":16},"type":"object"}
{"allOf":[{"oneOf":[{"not":{"anyOf":[{"required":["httpHeaderName"]},{"required":["httpCookie"]},{"required":["useSourceIp"]},{"required":["httpQueryParameterName"]}]}},{"required":["httpHeaderName"]},{"required":["httpCookie"]},{"required":["useSourceIp"]},{"required":["httpQueryParameterName"]}]},{"oneOf":[{"not":{"anyOf":[{"required":["ringHash"]},{"required":["maglev"]}]}},{"required":["ringHash"]},{"required":["maglev"]}]}],"properties":{"httpCookie":15,"httpHeaderName":0,"httpQueryParameterName":0,"maglev":17,"minimumRingSize":16,"ringHash":18,"useSourceIp":7},"type":"object"}
{"additionalProperties":9,"type":"object"}
{"properties":{"from":0,"to":20},"type":"object"}
{"items":21,"type":"array"}
{"nullable":true,"type":"boolean"}
{"properties":{"from":0,"to":0},"type":"object"}
{"items":24,"type":"array"}
{"properties":{"distribute":22,"enabled":23,"failover":25,"failoverPriority":1},"type":"object"}
{"enum":["UNSPECIFIED","LEAST_CONN","RANDOM","PASSTHROUGH","ROUND_ROBIN","LEAST_REQUEST"],"type":"string"}
{"format":"double","minimum":0,"nullable":true,"type":"number"}
{"format":"double","maximum":100,"minimum":0,"nullable":true,"type":"number"}
{"properties":{"aggression":28,"duration":5,"minimumPercent":29},"required":["duration"],"type":"object"}
{"maximum":4294967295,"minimum":1,"nullable":true,"type":"integer"}
{"properties":{"enabled":23,"failover":25,"failoverPriority":1,"minClusterSize":31},"type":"object"}
{"oneOf":[{"not":{"anyOf":[{"required":["simple"]},{"required":["consistentHash"]}]}},{"required":["simple"]},{"required":["consistentHash"]}],"properties":{"consistentHash":19,"localityLbSetting":26,"simple":27,"warmup":30,"warmupDurationSecs":5,"zoneAwareLbSetting":32},"type":"object"}
{"maximum":4294967295,"minimum":0,"nullable":true,"type":"integer"}
{"maximum":599,"minimum":100,"type":"integer"}
{"items":35,"type":"array"}
{"properties":{"baseEjectionTime":5,"consecutive5xxErrors":34,"consecutiveErrors":4,"consecutiveGatewayErrors":34,"consecutiveLocalOriginFailures":34,"interval":5,"maxEjectionPercent":4,"minHealthPercent":4,"outlierDetectionHttpErrorCodes":36,"splitExternalLocalOriginErrors":7},"type":"object"}
{"properties":{"number":9},"type":"object"}
{"enum":["DISABLE","SIMPLE","MUTUAL","ISTIO_MUTUAL"],"type":"string"}
{"properties":{"caCertificates":0,"caCrl":0,"clientCertificate":0,"credentialName":0,"insecureSkipVerify":23,"mode":39,"privateKey":0,"sni":0,"subjectAltNames":1},"type":"object"}
{"properties":{"connectionPool":12,"loadBalancer":33,"outlierDetection":37,"port":38,"tls":40},"type":"object"}
{"items":41,"maxItems":4096,"type":"array"}
{"enum":["V1","V2"],"type":"string"}
{"properties":{"version":43},"type":"object"}
{"properties":{"budgetInterval":0,"minRetryConcurrency":9,"percent":29},"type":"object"}
{"properties":{"protocol":0,"targetHost":0,"targetPort":9},"required":["targetHost","targetPort"],"type":"object"}
{"properties":{"connectionPool":12,"loadBalancer":33,"outlierDetection":37,"portLevelSettings":42,"proxyProtocol":44,"retryBudget":45,"tls":40,"tunnel":46},"type":"object"}
{"properties":{"labels":2,"name":0,"trafficPolicy":47},"required":["name"],"type":"object"}
{"items":48,"type":"array"}
{"maxLength":63,"type":"string","x-kubernetes-validations":[{"message":"wildcard not allowed in label value match","rule":"!self.contains(\"*\")"}]}
{"additionalProperties":50,"maxProperties":4096,"type":"object","x-kubernetes-validations":[{"message":"wildcard not allowed in label key match","rule":"self.all(key, !key.contains(\"*\"))"},{"message":"key must not be empty","rule":"self.all(key, key.size() != 0)"}]}
{"properties":{"matchLabels":51},"type":"object"}
{"properties":{"exportTo":1,"host":0,"subsets":49,"trafficPolicy":47,"workloadSelector":52},"required":["host"],"type":"object"}
{"format":"date-time","type":"string"}
{"anyOf":[{"type":"integer"},{"type":"string"}],"x-kubernetes-int-or-string":true}
{"properties":{"lastProbeTime":54,"lastTransitionTime":54,"message":0,"observedGeneration":55,"reason":0,"status":0,"type":0},"type":"object"}
{"items":56,"type":"array"}
{"enum":["UNKNOWN","ERROR","WARNING","INFO"],"type":"string"}
{"properties":{"code":0,"name":0},"type":"object"}
{"properties":{"documentationUrl":0,"level":58,"type":59},"type":"object"}
{"items":60,"type":"array"}
{"properties":{"conditions":57,"observedGeneration":55,"validationMessages":61},"type":"object","x-kubernetes-preserve-unknown-fields":true}
{"properties":{"spec":53,"status":62},"type":"object"}
{"properties":{"name":0,"number":9,"protocol":0,"targetPort":9},"required":["number","protocol","name"],"type":"object"}
{"items":0,"maxItems":2,"minItems":1,"type":"array"}
{"enum":["TLS_AUTO","TLSV1_0","TLSV1_1","TLSV1_2","TLSV1_3"],"type":"string"}
{"enum":["PASSTHROUGH","SIMPLE","MUTUAL","AUTO_PASSTHROUGH","ISTIO_MUTUAL","OPTIONAL_MUTUAL"],"type":"string"}
{"properties":{"caCertificates":0,"privateKey":0,"serverCertificate":0},"type":"object"}
{"items":68,"maxItems":2,"minItems":1,"type":"array"}
{"properties":{"caCertCredentialName":0,"caCertificates":0,"caCrl":0,"cipherSuites":1,"credentialName":0,"credentialNames":65,"httpsRedirect":7,"insecureSkipVerify":23,"maxProtocolVersion":66,"minProtocolVersion":66,"mode":67,"privateKey":0,"serverCertificate":0,"subjectAltNames":1,"tlsCertificates":69,"verifyCertificateHash":1,"verifyCertificateSpki":1},"type":"object","x-kubernetes-validations":[{"message":"only one of credentialNames or tlsCertificates can be set","rule":"(has(self.tlsCertificates) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1"},{"message":"only one of credentialName or credentialNames can be set","rule":"(has(self.credentialName) ? 1 : 0) + (has(self.credentialNames) ? 1 : 0) <= 1"},{"message":"only one of credentialName or tlsCertificates can be set","rule":"(has(self.credentialNames) ? 1 : 0) + (has(self.tlsCertificates) ? 1 : 0) <= 1"}]}
{"properties":{"bind":0,"defaultEndpoint":0,"hosts":1,"name":0,"port":64,"tls":70},"required":["port","hosts"],"type":"object"}
{"items":71,"type":"array"}
{"properties":{"selector":2,"servers":72},"type":"object"}
{"properties":{"spec":73,"status":62},"type":"object"}
{"maxLength":64,"type":"string"}
{"items":75,"maxItems":256,"type":"array"}
{"maxLength":256,"type":"string","x-kubernetes-validations":[{"message":"UDS must be an absolute path or abstract socket","rule":"self.startsWith(\"unix://\") ? (self.substring(7, 8) == \"/\" || self.substring(7, 8) == \"@\") : true"},{"message":"UDS may not be a dir","rule":"self.startsWith(\"unix://\") ? !self.endsWith(\"/\") : true"}]}
{"additionalProperties":0,"maxProperties":256,"type":"object"}
{"maxLength":2048,"type":"string"}
{"maximum":4294967295,"minimum":0,"type":"integer","x-kubernetes-validations":[{"message":"port must be between 1-65535","rule":"0 < self && self <= 65535"}]}
{"additionalProperties":80,"maxProperties":128,"type":"object","x-kubernetes-validations":[{"message":"port name must be valid","rule":"self.all(key, size(key) < 63 && key.matches(\"^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$\"))"}]}
{"maxLength":253,"type":"string"}
{"properties":{"address":77,"labels":78,"locality":79,"network":79,"ports":81,"serviceAccount":82,"weight":9},"type":"object","x-kubernetes-validations":[{"message":"Address is required","rule":"has(self.address) || has(self.network)"},{"message":"UDS may not include ports","rule":"(has(self.address) ? self.address : \"\").startsWith(\"unix://\") ? !has(self.ports) : true"}]}
{"items":83,"maxItems":4096,"type":"array"}
{"type":"string","x-kubernetes-validations":[{"message":"hostname cannot be wildcard","rule":"self != \"*\""}]}
{"items":85,"maxItems":256,"minItems":1,"type":"array"}
{"enum":["MESH_EXTERNAL","MESH_INTERNAL"],"type":"string"}
{"maxLength":256,"type":"string"}
{"properties":{"name":88,"number":80,"protocol":88,"targetPort":80},"required":["number","name"],"type":"object"}
{"items":89,"maxItems":256,"type":"array","x-kubernetes-list-map-keys":["name"],"x-kubernetes-list-type":"map","x-kubernetes-validations":[{"message":"port number cannot be duplicated","rule":"self.all(l1, self.exists_one(l2, l1.number == l2.number))"}]}
{"enum":["NONE","STATIC","DNS","DNS_ROUND_ROBIN","DYNAMIC_DNS"],"type":"string"}
{"maxLength":63,"type":"string","x-kubernetes-validations":[{"message":"wildcard is not supported in selector","rule":"!self.contains(\"*\")"}]}
{"additionalProperties":92,"maxProperties":256,"type":"object"}
{"properties":{"labels":93},"type":"object"}
{"properties":{"addresses":76,"endpoints":84,"exportTo":1,"hosts":86,"location":87,"ports":90,"resolution":91,"subjectAltNames":1,"workloadSelector":94},"required":["hosts"],"type":"object","x-kubernetes-validations":[{"message":"only one of WorkloadSelector or Endpoints can be set","rule":"(has(self.workloadSelector) ? 1 : 0) + (has(self.endpoints) ? 1 : 0) <= 1"},{"message":"CIDR addresses are allowed only for NONE/STATIC resolution types","rule":"!((has(self.addresses) ? self.addresses : []).exists(k, k.contains(\"/\")) && !((has(self.resolution) ? self.resolution : \"NONE\") in [\"STATIC\", \"NONE\"]))"},{"message":"NONE mode cannot set endpoints","rule":"((has(self.resolution) ? self.resolution : \"NONE\") == \"NONE\") ? !has(self.endpoints) : true"},{"message":"DNS_ROUND_ROBIN mode cannot have multiple endpoints","rule":"((has(self.resolution) ? self.resolution : \"\") == \"DNS_ROUND_ROBIN\") ? ((has(self.endpoints) ? self.endpoints : []).size() <= 1) : true"}]}
{"properties":{"spec":95,"status":62},"required":["spec"],"type":"object"}
{"oneOf":[{"not":{"anyOf":[{"required":["exact"]},{"required":["prefix"]},{"required":["regex"]}]}},{"required":["exact"]},{"required":["prefix"]},{"required":["regex"]}],"properties":{"exact":0,"prefix":0,"regex":0},"type":"object"}
{"items":97,"type":"array"}
{"enum":["UNSPECIFIED","FORWARD","IGNORE"],"type":"string"}
{"properties":{"allowCredentials":23,"allowHeaders":1,"allowMethods":1,"allowOrigin":1,"allowOrigins":98,"exposeHeaders":1,"maxAge":5,"unmatchedPreflights":99},"type":"object"}
{"properties":{"name":0,"namespace":0},"type":"object"}
{"format":"byte","type":"string"}
{"oneOf":[{"not":{"anyOf":[{"required":["string"]},{"required":["bytes"]}]}},{"required":["string"]},{"required":["bytes"]}],"properties":{"bytes":102,"string":0},"type":"object"}
{"properties":{"body":103,"status":9},"required":["status"],"type":"object"}
{"format":"double","type":"number"}
{"properties":{"value":105},"type":"object"}
{"oneOf":[{"not":{"anyOf":[{"required":["httpStatus"]},{"required":["grpcStatus"]},{"required":["http2Error"]}]}},{"required":["httpStatus"]},{"required":["grpcStatus"]},{"required":["http2Error"]}],"properties":{"grpcStatus":0,"http2Error":0,"httpStatus":4,"percentage":106},"type":"object"}
{"oneOf":[{"not":{"anyOf":[{"required":["fixedDelay"]},{"required":["exponentialDelay"]}]}},{"required":["fixedDelay"]},{"required":["exponentialDelay"]}],"properties":{"exponentialDelay":5,"fixedDelay":5,"percent":4,"percentage":106},"type":"object"}
{"properties":{"abort":107,"delay":108},"type":"object"}
{"properties":{"add":2,"remove":1,"set":2},"type":"object"}
{"properties":{"request":110,"response":110},"type":"object"}
{"additionalProperties":97,"type":"object"}
{"properties":{"authority":97,"gateways":1,"headers":112,"ignoreUriCase":7,"method":97,"name":0,"port":9,"queryParams":112,"scheme":97,"sourceLabels":2,"sourceNamespace":0,"statPrefix":0,"uri":97,"withoutHeaders":112},"type":"object"}
{"items":113,"type":"array"}
{"properties":{"host":0,"port":38,"subset":0},"required":["host"],"type":"object"}
{"properties":{"destination":115,"percentage":106},"required":["destination"],"type":"object"}
{"items":116,"type":"array"}
{"enum":["FROM_PROTOCOL_DEFAULT","FROM_REQUEST_PORT"],"type":"string"}
{"oneOf":[{"not":{"anyOf":[{"required":["port"]},{"required":["derivePort"]}]}},{"required":["port"]},{"required":["derivePort"]}],"properties":{"authority":0,"derivePort":118,"port":9,"prefixRewrite":0,"redirectCode":9,"scheme":0,"uri":0},"type":"object"}
{"properties":{"attempts":4,"backoff":5,"perTryTimeout":5,"retryIgnorePreviousHosts":23,"retryOn":0,"retryRemoteLocalities":23},"type":"object"}
{"properties":{"match":0,"rewrite":0},"type":"object"}
{"properties":{"authority":0,"uri":0,"uriRegexRewrite":121},"type":"object"}
{"properties":{"destination":115,"headers":111,"weight":4},"required":["destination"],"type":"object"}
{"items":123,"type":"array"}
{"properties":{"corsPolicy":100,"delegate":101,"directResponse":104,"fault":109,"headers":111,"match":114,"mirror":115,"mirror_percent":34,"mirrorPercent":34,"mirrorPercentage":106,"mirrors":117,"name":0,"redirect":119,"retries":120,"rewrite":122,"route":124,"timeout":5},"type":"object"}
{"items":125,"type":"array"}
{"properties":{"destinationSubnets":1,"gateways":1,"port":9,"sourceLabels":2,"sourceNamespace":0,"sourceSubnet":0},"type":"object"}
{"items":127,"type":"array"}
{"properties":{"destination":115,"weight":4},"required":["destination"],"type":"object"}
{"items":129,"type":"array"}
{"properties":{"match":128,"route":130},"type":"object"}
{"items":131,"type":"array"}
{"properties":{"destinationSubnets":1,"gateways":1,"port":9,"sniHosts":1,"sourceLabels":2,"sourceNamespace":0},"required":["sniHosts"],"type":"object"}
{"items":133,"type":"array"}
{"properties":{"match":134,"route":130},"required":["match"],"type":"object"}
{"items":135,"type":"array"}
{"properties":{"exportTo":1,"gateways":1,"hosts":1,"http":126,"tcp":132,"tls":136},"type":"object"}
{"properties":{"spec":137,"status":62},"type":"object"}
{"properties":{"spec":83,"status":62},"required":["spec"],"type":"object"}`;
