package stet.repository;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.GeneralCodingRules;

@AnalyzeClasses(packages = "stet", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule standsAlone =
      classes()
          .that()
          .resideInAPackage("stet.repository..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "stet.repository..",
              "java..",
              "javax.crypto..",
              "org.jspecify.annotations..",
              "com.github.luben.zstd..",
              "tools.jackson.core..")
          .because(
              "another program can use the repository alone: it knows nothing of applications,"
                  + " databases or the command line");

  @ArchTest
  static final ArchRule printsNothing =
      GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.because(
          "only the command line decides what is shown, and where");

  @ArchTest
  static final ArchRule neverEndsTheProcess =
      noClasses()
          .should()
          .callMethod(System.class, "exit", int.class)
          .orShould()
          .callMethod(Runtime.class, "exit", int.class)
          .orShould()
          .callMethod(Runtime.class, "halt", int.class)
          .because("only the command line knows when the work is over");

  @ArchTest
  static final ArchRule logsNothing =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("java.util.logging..", "org.slf4j..")
          .because(
              "what a user must know is thrown or reported, and a log line easily holds a secret");

  @ArchTest
  static final ArchRule runsNoShell =
      noClasses()
          .should()
          .callMethod(Runtime.class, "exec", String.class)
          .because("it splits its argument at white space, and input must stay one argument");

  @ArchTest
  static final ArchRule hasNoCycles =
      slices()
          .matching("stet.repository.(*)..")
          .should()
          .beFreeOfCycles()
          .because("a package must be understood, tested and changed without those that use it");
}
