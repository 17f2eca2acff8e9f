package stet.engine;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.GeneralCodingRules;

@AnalyzeClasses(packages = "stet.engine", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule knowsOnlyTheRepository =
      classes()
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "stet.engine..",
              "stet.repository..",
              "java..",
              "javax..",
              "jdk.net..",
              "org.jspecify.annotations..",
              "org.postgresql..")
          .because(
              "arrows point down: the engine serves the command line and later the service alike,"
                  + " and knows neither");

  @ArchTest
  static final ArchRule theExtensionPointKnowsNoKind =
      noClasses()
          .that()
          .resideInAPackage("stet.engine.component..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("stet.engine.files..")
          .because("a third party's kind must be able to do all that Stet's own kinds do");

  @ArchTest
  static final ArchRule nativeCodeHasOnePlace =
      noClasses()
          .that()
          .resideOutsideOfPackage("stet.engine.posix..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("java.lang.foreign..")
          .because("what can crash the process must be small and read with care");

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
              "what a user must know is thrown or reported to Progress, and a log line easily holds"
                  + " a secret");

  @ArchTest
  static final ArchRule runsNoShell =
      noClasses()
          .should()
          .callMethod(Runtime.class, "exec", String.class)
          .because("it splits its argument at white space, and input must stay one argument");

  @ArchTest
  static final ArchRule hasNoCycles =
      slices()
          .matching("stet.engine.(*)..")
          .should()
          .beFreeOfCycles()
          .because("a package must be understood, tested and changed without those that use it");

  @ArchTest
  static final ArchRule thePostgresKindHasNoCycles =
      slices()
          .matching("stet.engine.postgres.(*)..")
          .should()
          .beFreeOfCycles()
          .because("a package must be understood, tested and changed without those that use it");

  @ArchTest
  static final ArchRule thePartsOfThePostgresKindDoNotKnowTheWhole =
      noClasses()
          .that()
          .resideInAPackage("stet.engine.postgres.*..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("stet.engine.postgres")
          .because("the kind ties its parts together, and a part is understood without it");

  /** Constants do not count: the compiler copies them. */
  @ArchTest
  static final ArchRule captureAndRestoreMeetInTheSnapshotOnly =
      noClasses()
          .that()
          .resideInAPackage("stet.engine.postgres.capture..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "stet.engine.postgres.restore..",
              "stet.engine.postgres.inplace..",
              "stet.engine.postgres.export..")
          .because("what is needed for a restore must be in the snapshot");

  @ArchTest
  static final ArchRule restoreKnowsNoCapture =
      noClasses()
          .that()
          .resideInAnyPackage(
              "stet.engine.postgres.restore..",
              "stet.engine.postgres.inplace..",
              "stet.engine.postgres.export..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("stet.engine.postgres.capture..")
          .because("what is needed for a restore must be in the snapshot");

  @ArchTest
  static final ArchRule anExportNeedsNoServer =
      noClasses()
          .that()
          .resideInAPackage("stet.engine.postgres.export..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("stet.engine.postgres.restore..", "stet.engine.postgres.inplace..")
          .because("an export is made of the snapshot alone");

  @ArchTest
  static final ArchRule nobodyInTheEngineKnowsThePostgresKind =
      noClasses()
          .that()
          .resideOutsideOfPackage("stet.engine.postgres..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("stet.engine.postgres..")
          .because("the engine deals with databases through the extension point alone");
}
