// Package openlineage takes the events of OpenLineage producers (openlineage.io, core specification 2-0-2).
//
// [Parse] reads one body into an [Event]. It is lenient in what it accepts and exact in what it keeps: an event is
// refused only if it is no JSON, is over a limit, names no job, run or dataset, or has no time. Everything else that is
// odd is a [Warning], and a facet of an unexpected shape is left in the body, which is stored whole. What kind of event
// a body is shows in its shape, never in its schemaURL, which 40 % of the events in the world lack.
//
// An Event holds identities, names, numbers and times. Free text (descriptions, SQL, error messages, stack traces) and
// the names of owners are not copied out of the body: a [Text] says where in the body they lie. All of it is read from
// the body after credentials were cut out of it, so no value of an Event holds one; the id of the event, [Message.CommandID],
// is of the body as it was sent, so that the same event sent six times is one.
//
// [Message.Request] turns an event into facts of the model. A RunEvent reports a phase of the run (run id, job), nests
// it under its parent and says what it read and wrote; a JobEvent declares what a pipeline reads and writes; a
// DatasetEvent is an observation of an artifact. An output was made from what an explicit lineage facet says, else
// from what its columns say where the event has no inputs, else from every input of the run.
//
// What facets say beyond that stands in the metadata of the run and of the artifact versions, under these names:
//
//	run       nominalStartTime, nominalEndTime, engine.{name,version,adapter}, externalQuery.{id,source},
//	          extractionError.{totalTasks,failedTasks}, environmentVariables, tests, upstream, downstream, triggerRule,
//	          orchestrator.{version,workflow,task,runType,state,attempt,mapIndex,tasks}
//	artifact  input.{rows,bytes,files}, output.{rows,bytes,files}, quality.{rows,bytes,files,lastUpdated},
//	          quality.columns.COLUMN.{nulls,distinct,sum,count,min,max,quantiles.PART}, assertions,
//	          dataSource.name, storage.{layer,format}, catalog.{name,type,framework,metadataUri,warehouseUri},
//	          subType, hierarchy, columnTags
//
// [Handler] takes events over HTTP, one by one and in batches.
package openlineage
