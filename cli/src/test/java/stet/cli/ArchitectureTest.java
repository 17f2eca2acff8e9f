package stet.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.GeneralCodingRules;
import java.io.FileDescriptor;

@AnalyzeClasses(packages = "stet.cli", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule onlyMainEndsTheProcess =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName(Main.class.getName())
          .should()
          .callMethod(System.class, "exit", int.class)
          .orShould()
          .callMethod(Runtime.class, "exit", int.class)
          .orShould()
          .callMethod(Runtime.class, "halt", int.class)
          .because("a command that ends the process skips the cleaning up of those that called it");

  @ArchTest
  static final ArchRule onlyMainOpensTheStandardStreams =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName(Main.class.getName())
          .should()
          .dependOnClassesThat()
          .areAssignableTo(FileDescriptor.class)
          .because("what is shown goes through Output, which keeps data, messages and JSON apart");

  @ArchTest
  static final ArchRule printsThroughOutput =
      GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.because(
          "what is shown goes through Output, which keeps data, messages and JSON apart");

  @ArchTest
  static final ArchRule onlyTheConfigurationReadsYaml =
      noClasses()
          .that()
          .resideOutsideOfPackages("stet.cli.config..", "stet.cli.command..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("org.snakeyaml..")
          .because("everything else works with the model, however it was written down");

  @ArchTest
  static final ArchRule theConfigurationShowsNothing =
      noClasses()
          .that()
          .resideInAPackage("stet.cli.config..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("stet.cli.output..", "stet.cli.session..", "picocli..")
          .because("the service reads the same file, and has no terminal");

  @ArchTest
  static final ArchRule nobodyDependsOnTheTop =
      noClasses()
          .that()
          .resideInAnyPackage("stet.cli.*..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("stet.cli")
          .because("the grammar names the verbs, so the verbs cannot know the grammar");

  @ArchTest
  static final ArchRule logsNothing =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("java.util.logging..", "org.slf4j..")
          .because("messages go through Output, and a log line easily holds a secret");

  @ArchTest
  static final ArchRule runsNoShell =
      noClasses()
          .should()
          .callMethod(Runtime.class, "exec", String.class)
          .because("it splits its argument at white space, and input must stay one argument");

  @ArchTest
  static final ArchRule hasNoCycles =
      slices()
          .matching("stet.cli.(*)..")
          .should()
          .beFreeOfCycles()
          .because("a package must be understood, tested and changed without those that use it");
}
