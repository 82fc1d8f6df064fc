import { afterEach, describe, expect, it } from "@jest/globals";
import { LABEL } from "../../../../contract/index.ts";
import { sendStatus } from "../../../support/kubernetes-answers.ts";
import { until } from "../../../support/until.ts";
import { DEPLOYMENTS, NAMESPACES, PODS, useWorlds } from "../world.ts";

const PROFILES = "/apis/openfaas.com/v1/namespaces/openfaas/profiles";

const createWorld = useWorlds(afterEach);

const labels = { [LABEL.function]: "resize" };
const prepared = { openfaas: "1", "plonk/prepared": "1" };

describe("Informers", () => {
  it("hold what is labelled in the namespace of functions, and find pods by their function", async () => {
    const { fake, informers } = await createWorld((it) => {
      it.put(DEPLOYMENTS, { metadata: { name: "resize", labels } });
      it.put(DEPLOYMENTS, { metadata: { name: "foreign" } });
      it.put(PODS, { metadata: { name: "resize-1", labels } });
    });
    await informers.start();
    expect(informers.problem()).toBeUndefined();
    expect(informers.deployments.get("openfaas-fn/resize")).toBeDefined();
    expect(informers.deployments.get("openfaas-fn/foreign")).toBeUndefined();
    fake.put(PODS, { metadata: { name: "resize-2", labels } });
    await fake.settle();
    const podNames = () =>
      informers.pods.byIndex("openfaas-fn/resize").map(({ metadata }) => metadata.name);
    expect(podNames()).toStrictEqual(["resize-1", "resize-2"]);
    fake.remove(PODS, "resize-1");
    await fake.settle();
    expect(podNames()).toStrictEqual(["resize-2"]);
    expect(informers.pods.byIndex("openfaas-fn/other")).toStrictEqual([]);
  });

  it("start without Profiles where their definition is not there, and have them later", async () => {
    const { fake, informers } = await createWorld();
    let isDefined = false;
    fake.intercept = ({ path }, response) => {
      const isMissing = path.startsWith(PROFILES) && !isDefined;
      if (isMissing) {
        sendStatus(response, 404, "NotFound");
      }
      return isMissing;
    };
    await informers.start();
    expect([informers.problem(), informers.profiles.size]).toStrictEqual([undefined, 0]);
    isDefined = true;
    fake.put(PROFILES, { metadata: { name: "gpu" } });
    await until("the profile", () => informers.profiles.size === 1);
  });

  it("say that they are not complete before they have started", async () => {
    const { informers } = await createWorld();
    expect(informers.problem()).toBe("/apis/openfaas.com/v1/functions not listed yet");
  });

  it("follow a namespace once it is prepared, and drop its copies when the mark goes", async () => {
    const { fake, informers } = await createWorld((it) => {
      it.put(NAMESPACES, { metadata: { name: "dev", annotations: { openfaas: "1" } } });
      it.put(DEPLOYMENTS.replace("openfaas-fn", "dev"), { metadata: { name: "resize", labels } });
    });
    const { namespaces, deployments } = informers;
    const left: string[] = [];
    deployments.on("left", (name) => left.push(name));
    await informers.start();
    expect(namespaces.state("openfaas-fn")).toBe("served");
    expect(namespaces.state("dev")).toBe("preparing");
    expect(namespaces.state("nowhere")).toBe("ending");
    fake.put(NAMESPACES, { metadata: { name: "dev", annotations: prepared } });
    await until("the namespace to be served", () => namespaces.state("dev") === "served");
    expect(deployments.get("dev/resize")).toBeDefined();
    fake.put(NAMESPACES, { metadata: { name: "dev", annotations: {} } });
    await until("the namespace to be left", () => namespaces.state("dev") === "refused");
    expect(deployments.get("dev/resize")).toBeUndefined();
    expect(left).toStrictEqual(["dev"]);
    fake.put(NAMESPACES, { metadata: { name: "dev", annotations: prepared } });
    await until("the namespace to be served again", () => namespaces.state("dev") === "served");
    expect(deployments.get("dev/resize")).toBeDefined();
  });
});
