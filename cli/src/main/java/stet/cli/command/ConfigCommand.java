package stet.cli.command;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.common.FlowStyle;
import picocli.CommandLine.Command;
import stet.cli.config.ComponentSettings;
import stet.cli.config.Configuration;
import stet.cli.config.ConfigurationException;
import stet.cli.config.EnvironmentSettings;
import stet.cli.config.Objectives;
import stet.cli.config.Problem;
import stet.cli.config.ProofSettings;
import stet.cli.config.Redaction;
import stet.cli.config.Secret;
import stet.cli.output.Output;
import stet.cli.session.Session;
import stet.engine.Human;
import stet.engine.component.Component.Scratch;
import stet.engine.proof.Assertion;
import stet.repository.json.JsonObject;

/** {@code config}: looks at the configuration without using it. */
@Command(
    name = "config",
    description = "Check or show the configuration.",
    subcommands = {
      ConfigCommand.Validate.class,
      ConfigCommand.Show.class,
      ConfigCommand.Schema.class
    })
public final class ConfigCommand {

  /** {@code config validate}. */
  @Command(
      name = "validate",
      description = {
        "Check the configuration, and tell everything that is wrong with it.",
        "With --env, what this machine lacks for other environments does not count."
      },
      footer = {"", "JSON: {source, app, environments: [{name, components}]}"})
  public static final class Validate implements Callable<Integer> {
    private final Session session;

    public Validate(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      Configuration configuration = session.configuration();
      List<EnvironmentSettings> checked = chosen(session, configuration);
      List<Problem> problems = new ArrayList<>();
      for (EnvironmentSettings environment : checked) {
        problems.addAll(environment.problems());
        environment.components().stream()
            .map(ComponentSettings::check)
            .filter(Objects::nonNull)
            .forEach(problems::add);
      }
      if (!problems.isEmpty()) {
        throw new ConfigurationException(problems);
      }
      Output output = session.output();
      if (output.json()) {
        output.document(
            new JsonObject()
                .put("source", configuration.source())
                .put("app", configuration.app())
                .put(
                    "environments",
                    checked.stream()
                        .map(environment ->
                            new JsonObject()
                                .put("name", environment.name())
                                .put("components", environment.components().size()))
                        .toList()));
      } else {
        for (EnvironmentSettings environment : checked) {
          output.print(
              configuration.source()
                  + ": "
                  + environment.name()
                  + " is valid, with "
                  + Human.count(environment.components().size(), "component"));
        }
      }
      return 0;
    }
  }

  /** {@code config show}. */
  @Command(
      name = "show",
      description = {
        "Show the configuration as it takes effect, with variables replaced, defaults filled in"
            + " and secrets left out."
      },
      footer = {"", "JSON: the keys of the file, see docs/configuration.md"})
  public static final class Show implements Callable<Integer> {
    private final Session session;

    public Show(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      Configuration configuration = session.configuration();
      Map<String, Object> shown = shown(configuration, chosen(session, configuration));
      Output output = session.output();
      if (output.json()) {
        output.document((JsonObject) Objects.requireNonNull(json(shown)));
      } else {
        output.print("# " + configuration.source());
        DumpSettings settings =
            DumpSettings.builder().setDefaultFlowStyle(FlowStyle.BLOCK).setWidth(1000).build();
        new Dump(settings).dumpToString(shown).lines().forEach(output::print);
      }
      return 0;
    }

    private static Map<String, Object> shown(
        Configuration configuration, List<EnvironmentSettings> environments) {
      Map<String, Object> repository = new LinkedHashMap<>();
      repository.put("location", Redaction.mask(configuration.repository().location()));
      putSecret(repository, "password", configuration.repository().password());
      Map<String, Object> byName = new LinkedHashMap<>();
      for (EnvironmentSettings environment : environments) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("protected", environment.isProtected());
        if (environment.maxWorkers() < Integer.MAX_VALUE) {
          values.put("max_workers", (long) environment.maxWorkers());
        }
        values.put("state", state(environment.components(), 0));
        if (!environment.problems().isEmpty()) {
          values.put("unusable", environment.problems().stream().map(Problem::text).toList());
        }
        byName.put(environment.name(), values);
      }
      Map<String, Object> shown = new LinkedHashMap<>();
      shown.put("version", 1L);
      shown.put("app", configuration.app());
      shown.put("repository", repository);
      shown.put("environments", byName);
      if (!configuration.rules().isEmpty()) {
        Map<String, Object> rules = new LinkedHashMap<>();
        configuration.rules().forEach(rule -> rules.put(rule.name(), Redaction.mask(rule.text())));
        shown.put("rules", rules);
      }
      shown.put("dangling", configuration.failsOnViolations() ? "fail" : "warn");
      shown.put("proof", proof(configuration.proof()));
      Map<String, Object> objectives = objectives(configuration.objectives());
      if (!objectives.isEmpty()) {
        shown.put("objectives", objectives);
      }
      shown.put("restore", Map.of("keep_previous", configuration.restore().keepPreviousText()));
      return shown;
    }

    private static Map<String, Object> proof(ProofSettings proof) {
      Map<String, Object> values = new LinkedHashMap<>();
      Secret server = proof.server();
      if (server instanceof Secret.Text && server.reveal().equals(Scratch.SAME)) {
        values.put("server", Scratch.SAME);
      } else if (server != null) {
        putSecret(values, "server", server);
      }
      values.put("files", proof.restoreFiles() ? "restore" : "read");
      if (!proof.assertions().isEmpty()) {
        values.put("assert", proof.assertions().stream().map(Show::assertion).toList());
      }
      return values;
    }

    private static Map<String, Object> assertion(Assertion assertion) {
      Map<String, Object> values = new LinkedHashMap<>();
      switch (assertion) {
        case Assertion.Query query -> {
          putIfGiven(values, "component", query.component());
          values.put("sql", Redaction.mask(query.sql()));
          putIfGiven(values, "min", query.least());
          putIfGiven(values, "max", query.most());
        }
        case Assertion.Program program ->
            values.put("command", program.command().stream().map(Redaction::mask).toList());
      }
      return values;
    }

    private static Map<String, Object> objectives(Objectives objectives) {
      Map<String, Object> values = new LinkedHashMap<>();
      putIfGiven(values, "rpo", objectives.text(Objectives::rpo));
      putIfGiven(values, "rto", objectives.text(Objectives::rto));
      putIfGiven(values, "proof_age", objectives.text(Objectives::proofAge));
      return values;
    }

    private static void putIfGiven(Map<String, Object> values, String key, @Nullable Object value) {
      if (value != null) {
        values.put(key, value);
      }
    }

    /** The components from a depth of sets on; neighbours in one set come under it together. */
    private static List<Object> state(List<ComponentSettings> components, int depth) {
      List<Object> state = new ArrayList<>();
      int next = 0;
      while (next < components.size()) {
        ComponentSettings component = components.get(next);
        if (component.sets().size() == depth) {
          state.add(component(component));
          next++;
          continue;
        }
        String set = component.sets().get(depth);
        int end = next;
        while (end < components.size()
            && components.get(end).sets().size() > depth
            && components.get(end).sets().get(depth).equals(set)) {
          end++;
        }
        Map<String, Object> nested = new LinkedHashMap<>();
        nested.put("set", set);
        nested.put("state", state(components.subList(next, end), depth + 1));
        state.add(nested);
        next = end;
      }
      return state;
    }

    private static Map<String, Object> component(ComponentSettings component) {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put(component.kind().key(), component.name());
      component
          .settings()
          .forEach((key, value) -> {
            switch (value) {
              case Secret secret -> putSecret(values, key, secret);
              case String text -> values.put(key, Redaction.mask(text));
              default -> values.put(key, value);
            }
          });
      return values;
    }

    private static void putSecret(Map<String, Object> values, String key, Secret secret) {
      String form =
          switch (secret) {
            case Secret.Text ignored -> key;
            case Secret.InFile ignored -> key + "_file";
            case Secret.FromCommand ignored -> key + "_command";
          };
      values.put(form, secret.shown(key));
    }

    private static Object json(Object value) {
      return switch (value) {
        case Map<?, ?> map -> {
          JsonObject object = new JsonObject();
          map.forEach((key, member) -> object.put((String) key, json(member)));
          yield object;
        }
        case List<?> list -> list.stream().map(Show::json).toList();
        default -> value;
      };
    }
  }

  /** {@code config schema}. */
  @Command(
      name = "schema",
      description = {
        "Print the JSON Schema of the configuration, for editors.",
        "It needs no configuration."
      },
      footer = {"", "JSON: the schema, as one line"})
  public static final class Schema implements Callable<Integer> {
    private final Session session;

    public Schema(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() {
      JsonObject schema = session.configurations().schema();
      Output output = session.output();
      if (output.json()) {
        output.document(schema);
      } else {
        schema.toPrettyString().lines().forEach(output::print);
      }
      return 0;
    }
  }

  /** The environment that is asked for, or all, usable or not. */
  private static List<EnvironmentSettings> chosen(Session session, Configuration configuration) {
    String name = session.environmentName();
    return name == null
        ? List.copyOf(configuration.environments().values())
        : List.of(configuration.environment(name));
  }
}
