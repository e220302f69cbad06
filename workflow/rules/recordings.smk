if CONFIG.recordings.synthetic is not None:

    rule synthesize:
        input:
            config=ancient(f"results/{RUN}/config.yaml"),
        output:
            recording_files(),
        log:
            f"results/{RUN}/logs/synthesize.log",
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            code=code(
                "recording/two_areas.py",
                "recording/two_areas_session.py",
                "recording/delayed_task.py",
                "recording/delayed_session.py",
                "recording/write.py",
            ),
            synthetic=CONFIG.recordings.synthetic.model_dump_json(),
        shell:
            "spiketwin synthesize --config {input.config} > {log} 2>&1"


rule prepare:
    input:
        recordings=recording_files(),
        config=ancient("results/{run}/config.yaml"),
    output:
        stitching="results/{run}/stitching.parquet",
        notes="results/{run}/notes.json",
        duplicates="results/{run}/tables/duplicates.parquet",
    log:
        "results/{run}/logs/prepare.log",
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("recording", "trials"),
        section=section("recordings", "trials"),
        folder=recordings_folder(),
    shell:
        "spiketwin prepare --config {input.config} --recordings {params.folder:q} > {log} 2>&1"
