package stet.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.ColorScheme;
import picocli.CommandLine.Help.Column;
import picocli.CommandLine.Help.TextTable;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.Model.UsageMessageSpec;
import stet.cli.command.BackupCommand;
import stet.cli.command.CheckCommand;
import stet.cli.command.ConfigCommand;
import stet.cli.command.DemoCommand;
import stet.cli.command.DiffCommand;
import stet.cli.command.DumpCommand;
import stet.cli.command.ExportCommand;
import stet.cli.command.InitCommand;
import stet.cli.command.KeyCommand;
import stet.cli.command.LsCommand;
import stet.cli.command.PreviousCommand;
import stet.cli.command.ProveCommand;
import stet.cli.command.RepairCommand;
import stet.cli.command.RestoreCommand;
import stet.cli.command.RollbackCommand;
import stet.cli.command.SnapshotsCommand;
import stet.cli.command.StatusCommand;
import stet.cli.command.UnlockCommand;
import stet.cli.command.VersionCommand;
import stet.cli.session.CommandLines;
import stet.cli.session.Session;

/**
 * The command line's grammar: every verb, in the groups that the help shows. To add a verb, write
 * its class in {@code stet.cli.command} and name it here.
 */
final class CommandTree {
  /** The verbs by group, in the order of the help. */
  static final Map<String, List<Class<?>>> GROUPS = groups();

  private CommandTree() {}

  private static Map<String, List<Class<?>>> groups() {
    Map<String, List<Class<?>>> groups = new LinkedHashMap<>();
    groups.put(
        "Keep and put back",
        List.of(
            InitCommand.class,
            BackupCommand.class,
            RestoreCommand.class,
            RollbackCommand.class,
            PreviousCommand.class,
            ProveCommand.class,
            StatusCommand.class));
    groups.put(
        "Look into snapshots",
        List.of(
            SnapshotsCommand.class,
            LsCommand.class,
            DiffCommand.class,
            DumpCommand.class,
            ExportCommand.class));
    groups.put(
        "Care for the repository",
        List.of(CheckCommand.class, RepairCommand.class, UnlockCommand.class, KeyCommand.class));
    groups.put("About stet", List.of(ConfigCommand.class, DemoCommand.class, VersionCommand.class));
    return groups;
  }

  @Command(
      name = "stet",
      description = "Keeps, proves and restores the whole state of an application.",
      optionListHeading = "%nOptions, before or after the verb:%n",
      footer = {"", "`stet VERB --help` tells about a verb; docs/ holds the manual."})
  private static final class Root {}

  /** The whole grammar. */
  static CommandLine create(Session session) {
    return create(session, verbs());
  }

  /**
   * The part of the grammar that these arguments need, if they can be read at all: picocli takes
   * half a second to look at every verb. All of it if they name no verb.
   */
  static CommandLine create(Session session, String... arguments) {
    Set<String> words = Set.copyOf(Arrays.asList(arguments));
    List<Class<?>> named = verbs().stream().filter(verb -> words.contains(name(verb))).toList();
    return create(session, named.isEmpty() ? verbs() : named);
  }

  private static CommandLine create(Session session, List<Class<?>> verbs) {
    CommandLine root = new CommandLine(new Root(), new Factory(session));
    root.addMixin("global", session.options());
    verbs.forEach(root::addSubcommand);
    root.setExpandAtFiles(false); // @ has no meaning of its own in an argument
    root.setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF));
    for (CommandLine command : all(root)) {
      layOutHelp(command, command.getParent() == null);
    }
    return root;
  }

  private static List<Class<?>> verbs() {
    List<Class<?>> verbs = new ArrayList<>();
    GROUPS.values().forEach(verbs::addAll);
    return verbs;
  }

  private static String name(Class<?> verb) {
    return verb.getAnnotation(Command.class).name();
  }

  /** The global options stand in the help of the root alone. */
  private static void layOutHelp(CommandLine command, boolean root) {
    UsageMessageSpec usage = command.getCommandSpec().usageMessage();
    usage.abbreviateSynopsis(true);
    usage.sortOptions(false);
    usage.synopsisSubcommandLabel("VERB");
    Map<String, IHelpSectionRenderer> sections = command.getHelpSectionMap();
    if (root) {
      usage.commandListHeading("");
      sections.put(UsageMessageSpec.SECTION_KEY_COMMAND_LIST, help -> verbs(help.colorScheme()));
    } else {
      usage.commandListHeading("%nVerbs:%n");
      sections.put(
          UsageMessageSpec.SECTION_KEY_OPTION_LIST,
          help ->
              help.optionListExcludingGroups(
                  help.commandSpec().options().stream()
                      .filter(option -> !option.inherited())
                      .toList()));
    }
  }

  private static String verbs(ColorScheme colours) {
    StringBuilder text = new StringBuilder();
    GROUPS.forEach((group, classes) -> {
      TextTable table =
          TextTable.forColumns(
              colours,
              new Column(14, 2, Column.Overflow.SPAN),
              new Column(66, 1, Column.Overflow.WRAP));
      for (Class<?> verb : classes) {
        table.addRowValues(name(verb), verb.getAnnotation(Command.class).description()[0]);
      }
      text.append('\n').append(group).append(":\n").append(table);
    });
    return text.toString();
  }

  /** Makes verbs, which take the session by their constructor; some run others. */
  private record Factory(Session session) implements CommandLine.IFactory {
    @Override
    public <K> K create(Class<K> type) throws Exception {
      for (var constructor : type.getDeclaredConstructors()) {
        if (List.of(constructor.getParameterTypes()).equals(List.of(Session.class))) {
          return type.cast(constructor.newInstance(session));
        }
        if (List.of(constructor.getParameterTypes())
            .equals(List.of(Session.class, CommandLines.class))) {
          CommandLines others = (within, arguments) -> new Program(within).execute(arguments);
          return type.cast(constructor.newInstance(session, others));
        }
      }
      return CommandLine.defaultFactory().create(type);
    }
  }

  /** All command lines of the tree, the root first. */
  static List<CommandLine> all(CommandLine root) {
    List<CommandLine> all = new ArrayList<>();
    all.add(root);
    root.getSubcommands().values().forEach(verb -> all.addAll(all(verb)));
    return all;
  }
}
